"""How a session hands out what it receives: callbacks, iteration, and replies to requests."""

import asyncio
import json
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import serve

from ipywsecho import EchoServer, Frame, NotConnectedError, Reconnect, Session, WebSocketConsole
from tests.test_session import DEADLINE, texts, until, uri_of
from tests.timing import eventually
from tests.virtual import virtual_time


@pytest_asyncio.fixture
async def session() -> AsyncIterator[Session]:
    """A session that is connected to its own echo server."""
    async with Session() as session:
        yield session


# Requests.


async def test_requests_at_the_same_time_get_a_reply_each(session: Session) -> None:
    texts_sent = [f"question {number}" for number in range(50)]

    replies = await asyncio.gather(*(session.request(text) for text in texts_sent))

    assert [reply.data for reply in replies] == texts_sent


async def test_a_reply_is_found_by_its_content_whatever_the_order() -> None:
    async def answer_backwards(websocket: Any) -> None:
        questions = [json.loads(await websocket.recv()) for _ in range(3)]
        await websocket.send(json.dumps({"method": "news"}))
        for question in reversed(questions):
            await websocket.send(json.dumps({"id": question["id"], "result": question["id"] ** 2}))

    async with (
        serve(answer_backwards, "127.0.0.1", 0) as server,
        Session(uri_of(server), reconnect=False) as session,
    ):
        replies = await asyncio.gather(
            *(
                session.request(
                    json.dumps({"id": number}),
                    match=lambda frame, number=number: frame.json().get("id") == number,
                )
                for number in (1, 2, 3)
            )
        )

    assert [reply.json()["result"] for reply in replies] == [1, 4, 9]


async def test_an_error_of_match_is_raised_by_its_request_alone(session: Session) -> None:
    failing = asyncio.create_task(
        session.request("no JSON", match=lambda frame: frame.json()["id"] == 1)
    )
    other = asyncio.create_task(session.request("one"))

    with pytest.raises(json.JSONDecodeError):
        await failing
    assert (await other).data in ("no JSON", "one")
    assert session.state == "open"


async def test_match_must_be_a_plain_function(session: Session) -> None:
    async def match(_: Frame) -> bool:
        return True

    with pytest.raises(TypeError, match="plain function"):
        await session.request("one", match=match)

    assert session.sent.total == 0


async def test_a_request_that_times_out_says_that_a_late_answer_may_come() -> None:
    async with EchoServer() as server, Session(f"{server.uri}/silent") as session:
        with pytest.raises(TimeoutError) as raised:
            await session.request("Hello?", timeout=0.01)

    assert str(raised.value) == (
        "no frame came within 0.01 s; the connection is open, and a late answer can still arrive"
    )
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert texts(session)[1:2] == [str(raised.value)]
    assert session.notices[1].is_error


async def test_a_timeout_shows_who_awaits_it_no_frame_of_the_package() -> None:
    async with EchoServer() as server, WebSocketConsole(f"{server.uri}/silent") as console:
        with pytest.raises(TimeoutError) as raised:
            await console.request("Hello?", timeout=0.01)

        assert [each.filename for each in traceback.extract_tb(raised.value.__traceback__)] == [
            __file__
        ]
    console.close()


async def test_an_error_of_match_shows_the_lines_of_match(session: Session) -> None:
    def match(_: Frame) -> bool:
        raise LookupError("not here")

    with pytest.raises(LookupError) as raised:
        await session.request("one", match=match)

    assert traceback.extract_tb(raised.value.__traceback__)[-1].name == "match"


async def test_a_request_that_is_cancelled_leaves_the_answer_to_the_next(session: Session) -> None:
    silenced = asyncio.ensure_future(session.request("one", match=lambda _: False))
    await eventually(lambda: session.frames.total == 1)

    silenced.cancel()
    with pytest.raises(asyncio.CancelledError):
        await silenced
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await session.request("two", match=lambda _: False)
    await eventually(lambda: not session.journal.replies)

    assert (await session.request("three", match=lambda frame: frame.data == "three")).data


async def test_a_late_answer_is_taken_for_that_of_the_next_request_unless_it_must_match() -> None:
    may_answer = asyncio.Event()

    async def answer_late(connection: Any) -> None:
        async for question in connection:
            await may_answer.wait()
            await connection.send(question)

    def by(number: int) -> Callable[[Frame], bool]:
        return lambda frame: bool(frame.json()["id"] == number)

    async with (
        EchoServer(paths={"/late": answer_late}) as server,
        Session(f"{server.uri}/late") as session,
    ):
        with pytest.raises(TimeoutError):
            await session.request(json.dumps({"id": 1}), timeout=0.01)
        second = asyncio.ensure_future(session.request(json.dumps({"id": 2})))
        await eventually(lambda: session.sent.total == 2)
        may_answer.set()
        late = await second
        matched = await session.request(json.dumps({"id": 3}), match=by(3))

    assert (late.json(), matched.json()) == ({"id": 1}, {"id": 3})


@virtual_time
async def test_a_request_that_could_not_be_sent_in_time_is_not_sent_later() -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([60.0])))
    session.start()
    await until(session, lambda: session.state == "waiting")

    with pytest.raises(TimeoutError, match=r"was not sent, as the connection is waiting"):
        await session.request("Hello?", timeout=1)

    assert len(session.connection.outbox) == 1
    assert session.connection.outbox.take() is None
    await session.lifetime.ended()


async def test_a_timeout_error_of_match_is_not_taken_for_the_own_one(session: Session) -> None:
    def match(_: Frame) -> bool:
        raise TimeoutError("of the function")

    with pytest.raises(TimeoutError, match="of the function"):
        await session.request("one", match=match)


async def test_a_request_whose_connection_is_lost_fails_although_another_one_opens() -> None:
    async def hang_up_once(websocket: Any) -> None:
        asked.append(await websocket.recv())
        if len(asked) == 1:
            websocket.transport.abort()
        else:
            await websocket.send("an answer to something else")
            await websocket.wait_closed()

    asked: list[Any] = []
    async with serve(hang_up_once, "127.0.0.1", 0) as server:
        session = Session(uri_of(server), reconnect=Reconnect(delays=lambda: iter([0.0])))
        await session.connect()

        with pytest.raises(NotConnectedError, match="closed before a reply came"):
            await asyncio.wait_for(session.request("Hello?", timeout=None), DEADLINE)
        assert (await session.request("And now?")).data == "an answer to something else"
        await session.lifetime.ended()


async def test_a_request_from_another_loop_gets_its_reply(session: Session) -> None:
    def ask() -> Any:
        return asyncio.run(session.request("from elsewhere")).data

    assert await asyncio.to_thread(ask) == "from elsewhere"


async def test_a_request_that_waits_leaves_the_replies_to_those_of_on_open() -> None:
    replies: list[Any] = []

    async def log_in(session: Session) -> None:
        replies.append((await session.request("log in")).data)

    session = Session(on_open=log_in)
    asking = asyncio.ensure_future(session.request("question"))
    await asyncio.sleep(0)
    await session.connect()

    assert (await asking).data == "question"
    assert replies == ["log in"]
    await session.lifetime.ended()


# Iteration.


async def test_a_loop_before_the_first_connection_waits_for_it() -> None:
    session = Session()
    heard = asyncio.create_task(anext(aiter(session)))
    await asyncio.sleep(0)
    assert not heard.done()

    await session.connect()
    session.send_message("one")

    assert (await asyncio.wait_for(heard, DEADLINE)).data == "one"
    await session.lifetime.ended()


async def test_a_loop_that_waits_for_the_first_connection_ends_with_the_session() -> None:
    session = Session()

    async def listen() -> list[Frame]:
        return [frame async for frame in session]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    session.close()

    assert await asyncio.wait_for(listening, DEADLINE) == []


async def test_a_loop_after_the_end_of_the_connection_ends_at_once(session: Session) -> None:
    await session.disconnect()

    assert [frame async for frame in session] == []


async def test_a_stream_from_the_start_yields_what_is_kept_and_then_what_comes(
    session: Session,
) -> None:
    for text in ("one", "two"):
        await session.request(text)
    frames = session.stream(from_start=True)

    for text in ("three", "four"):
        await session.request(text)
    await session.disconnect()

    assert [frame.data async for frame in frames] == ["one", "two", "three", "four"]
    assert [frame async for frame in session.stream()] == []


async def test_a_stream_from_the_start_of_a_flood_misses_none_and_yields_none_twice() -> None:
    async with EchoServer() as server:
        session = Session(f"{server.uri}/flood?count=5000", reconnect=False)
        await session.connect()
        await until(session, lambda: session.frames.total > 100)

        numbers = [int(str(frame.data).partition(" ")[0]) async for frame in session.stream(True)]
        await session.lifetime.ended()

    assert numbers == list(range(1, 5001))


# Callbacks that are coroutine functions.


async def test_a_coroutine_function_is_called_for_each_frame_in_order(session: Session) -> None:
    heard: list[Any] = []

    async def hear(frame: Frame) -> None:
        await asyncio.sleep(0)
        heard.append(frame.data)

    session.on_frame(hear)
    sent = [str(number) for number in range(200)]
    for text in sent:
        session.send_message(text)
    await until(session, lambda: session.frames.total == 200)
    await eventually(lambda: len(heard) == 200)

    assert heard == sent


async def test_a_coroutine_function_may_make_requests_while_frames_come(session: Session) -> None:
    replies: list[Any] = []

    async def ask(frame: Frame) -> None:
        if str(frame.data).startswith("event"):
            reply = await session.request(
                f"about {frame.data}", match=lambda each: each.data == f"about {frame.data}"
            )
            replies.append(reply.data)

    session.on_frame(ask)
    for number in range(3):
        session.send_message(f"event {number}")
    await eventually(lambda: len(replies) == 3)

    assert replies == ["about event 0", "about event 1", "about event 2"]


async def test_a_slow_coroutine_function_takes_bounded_memory_and_misses_are_counted() -> None:
    go_on = asyncio.Event()
    heard: list[Any] = []

    async def hear(frame: Frame) -> None:
        await go_on.wait()
        heard.append(frame.data)

    async with Session(history=3) as session:
        session.on_frame(hear)
        for number in range(10):
            await session.request(str(number))
        go_on.set()
        await eventually(lambda: len(heard) == 4)

        assert heard == ["0", "7", "8", "9"]
        assert "a callback fell behind: 6 were forgotten before it came" in texts(session)


async def test_an_error_in_a_coroutine_function_is_noted_and_the_next_frame_is_handed_over(
    session: Session,
) -> None:
    heard: list[Any] = []

    async def hear(frame: Frame) -> None:
        heard.append(frame.data)
        await asyncio.sleep(0)
        raise LookupError("not here")

    session.on_frame(hear)
    for text in ("one", "two"):
        await session.request(text)
    await eventually(lambda: len(heard) == 2)
    await until(session, lambda: session.notices[-1].occurrences == 2)

    assert (
        f"a callback failed: LookupError: not here (in hear, {__file__}, line "
        in (texts(session)[-1])
    )


async def test_a_coroutine_function_ends_with_the_session() -> None:
    ended = asyncio.Event()

    async def wait_for_ever(_: Frame) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Session() as session:
        session.on_frame(wait_for_ever)
        await session.request("one")
        await asyncio.sleep(0)

    await asyncio.wait_for(ended.wait(), DEADLINE)


async def test_a_removed_coroutine_function_is_cancelled(session: Session) -> None:
    ended = asyncio.Event()

    async def wait_for_ever(_: Frame) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    session.on_frame(wait_for_ever)
    await session.request("one")
    await asyncio.sleep(0)
    threading.Thread(target=session.on_frame, args=(wait_for_ever, True)).start()

    await asyncio.wait_for(ended.wait(), DEADLINE)


async def test_a_callback_added_twice_is_called_once_and_removing_an_unknown_one_does_nothing(
    session: Session,
) -> None:
    heard: list[Frame] = []
    session.on_frame(heard.append)
    session.on_frame(heard.append)
    session.on_frame(print, remove=True)

    await session.request("one")

    assert len(heard) == 1
