"""The console without a widget, on the event loop of a plain script."""

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet, ref

import pandas as pd
import pytest
import pytest_asyncio
from websockets.asyncio.server import serve

from ipywsecho import (
    ConnectError,
    EchoServer,
    Frame,
    InvalidURIError,
    NotConnectedError,
    OptionError,
    Reconnect,
    Recording,
    SaveError,
    Session,
    load,
)
from ipywsecho.connection import Host
from ipywsecho.errors import NotRunningError
from ipywsecho.frames import FrameLog, Notice
from ipywsecho.view.rows import newest_first
from tests.peer import peer, shake_hands, together
from tests.timing import eventually

DEADLINE = 60.0


@pytest_asyncio.fixture
async def session() -> AsyncIterator[Session]:
    """A session that is connected to its own echo server."""
    async with Session() as session:
        yield session


async def until(session: Session, holds: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait until a condition holds; it is checked whenever the session has news."""
    async with asyncio.timeout(deadline):
        await session.journal.signal.wait_for(lambda: bool(holds()))


def texts(session: Session) -> list[str]:
    """Return the texts of the notices."""
    return [notice.text for notice in session.notices]


def uri_of(server: Any) -> str:
    """Return the address of a server of websockets."""
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# Beginning and end.


async def test_a_session_is_connected_inside_its_context_and_closed_after_it() -> None:
    async with Session() as session:
        assert session.state == "open"
        port = int(str(session.uri).rpartition(":")[2])

    assert session.state == "closed"
    assert session.close_code == 1000
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_context_closes_the_session_after_an_error() -> None:
    with pytest.raises(LookupError):
        async with Session() as session:
            raise LookupError

    assert session.state == "closed"


def test_a_session_created_without_a_loop_waits_for_connect() -> None:
    session = Session()
    assert session.state == "closed"
    assert session.uri is None

    async def talk() -> Frame:
        early = session.send_message("early")
        await session.connect()
        await early
        frame = await anext(aiter(session)) if not session.frames else session.frames[0]
        await session.lifetime.ended()
        return frame

    assert asyncio.run(talk()).data == "early"


def test_start_without_a_loop_does_nothing() -> None:
    session = Session()

    session.start()

    assert session.state == "closed"
    session.close()


async def test_start_begins_to_connect() -> None:
    session = Session()

    session.start()

    assert session.state == "connecting"
    await session.connect()
    assert session.state == "open"
    await session.lifetime.ended()


def test_a_session_can_be_used_on_successive_loops_and_leaves_no_open_socket() -> None:
    session = Session()

    async def talk() -> tuple[str, str | bytes]:
        await session.connect()
        reply = await session.request("Hello!")
        await session.disconnect()
        return str(session.uri), reply.data

    (first, one), (second, two) = asyncio.run(talk()), asyncio.run(talk())
    session.close()

    assert (one, two) == ("Hello!", "Hello!")
    assert first != second
    for uri in (first, second):
        with pytest.raises(OSError, match="Connect call failed"):
            asyncio.run(asyncio.open_connection("127.0.0.1", int(uri.rpartition(":")[2])))


async def test_close_ends_the_connection_with_1001_and_may_be_called_twice() -> None:
    async with EchoServer() as server:
        session = Session(server.uri)
        await session.connect()

        session.close()
        session.close()
        await until(session, lambda: session.state == "closed")

        assert session.close_code == 1001


async def test_a_session_that_never_connected_can_be_closed() -> None:
    session = await asyncio.to_thread(Session)

    session.close()
    await asyncio.gather(*session.home._tasks)

    assert session.state == "closed"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def _never(_: Session) -> None:
    """Leave a session as it was made."""


async def _connecting(session: Session) -> None:
    session.start()
    assert session.state == "connecting"


async def _open(session: Session) -> None:
    await session.connect()


async def _waiting(session: Session) -> None:
    with pytest.raises(ConnectError):
        await session.connect()
    await until(session, lambda: session.state == "waiting")


async def _closing(session: Session) -> None:
    await session.connect()
    closing = asyncio.ensure_future(session.disconnect())
    await until(session, lambda: session.state == "closing")
    assert not closing.done()


async def _closed(session: Session) -> None:
    await session.connect()
    await session.disconnect()


@pytest.mark.parametrize("state", [_never, _connecting, _open, _waiting, _closing, _closed])
async def test_close_ends_a_session_in_every_state_and_for_good(
    state: Callable[[Session], Awaitable[None]],
) -> None:
    uri = "ws://127.0.0.1:9" if state is _waiting else None
    session = Session(uri, reconnect=Reconnect(delays=lambda: iter([3600.0])))
    await state(session)

    session.close()
    session.close()

    await eventually(lambda: len(asyncio.all_tasks()) == 1)
    assert session.state == "closed"
    with pytest.raises(NotConnectedError, match="closed for good"):
        await session.connect()
    session.start()
    assert session.state == "closed"
    with pytest.raises(NotConnectedError, match="closed for good"):
        await session.send_message("late")


async def test_a_session_can_be_connected_again_after_its_context() -> None:
    async with Session() as session:
        await session.request("one")

    async with session:
        assert (await session.request("two")).data == "two"

    assert [frame.data for frame in session.frames] == ["one", "two"]
    await session.lifetime.ended()


async def test_what_repeats_a_message_ends_with_the_context() -> None:
    async with Session() as session:
        repeating = session.send_every(3600, "again")

    assert repeating.is_over
    await eventually(lambda: len(asyncio.all_tasks()) == 1)


async def _until_received(session: Session, count: int) -> None:
    await until(session, lambda: len(session.frames) == count)


async def _until_all_tasks_end() -> None:
    """Wait for what has been scheduled, and for all that it starts."""
    async with asyncio.timeout(DEADLINE):
        await asyncio.sleep(0)
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def test_a_session_that_nothing_reaches_ends_with_its_server() -> None:
    session = Session(on_open=lambda session: session.send_message("greeting"))
    await session.connect()
    session.send_every(1e6, "beat")
    lifetime, home, found = session.lifetime, session.home, ref(session)
    await _until_received(session, 2)

    del session
    gc.collect()
    await _until_all_tasks_end()

    assert found() is None
    assert lifetime._connection.close_code == 1001
    assert lifetime._server is not None
    with pytest.raises(NotRunningError):
        assert lifetime._server.uri
    assert not home._tasks


async def test_a_loop_over_its_frames_keeps_a_session() -> None:
    heard: list[str | bytes] = []
    sessions: WeakSet[Session] = WeakSet()

    async def follow() -> None:
        session = Session(on_open=["one", "two"])
        sessions.add(session)
        await session.connect()
        frames = aiter(session)
        del session
        async for frame in frames:
            heard.append(frame.data)
            gc.collect()
            if len(heard) == 2:
                break

    await asyncio.wait_for(follow(), DEADLINE)
    gc.collect()
    await _until_all_tasks_end()

    assert heard == ["one", "two"]
    assert not sessions


def test_a_session_that_nothing_reaches_after_its_loop_gives_its_port_back() -> None:
    async def begun() -> Session:
        session = Session()
        session.start()
        return session

    session = asyncio.run(begun())
    server = session.lifetime._server
    assert server is not None
    assert server.uri is not None

    del session
    gc.collect()

    with pytest.raises(NotRunningError):
        assert server.uri


async def test_a_session_that_rests_gives_its_port_back_and_takes_another(
    session: Session,
) -> None:
    before = session.uri
    await session.request("one")

    await session.lifetime.rest()
    assert (session.state, session.close_code) == ("closed", 1001)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(str(before).rpartition(":")[2]))
    await session.connect()

    assert (await session.request("two")).data == "two"
    assert [frame.data for frame in session.frames] == ["one", "two"]


async def test_a_session_that_connects_while_it_begins_to_rest_is_open_in_the_end(
    session: Session,
) -> None:
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(session.lifetime.rest(), session.connect())

        assert session.state == "open"
        assert (await session.request("Hello!")).data == "Hello!"


async def test_a_disconnected_session_keeps_its_server(session: Session) -> None:
    before = session.uri

    await session.disconnect()
    await session.connect()

    assert session.uri == before


async def test_a_connect_that_waits_for_the_end_of_a_connection_is_refused_after_close() -> None:
    async with EchoServer() as server:
        session = Session(server.uri)
        await session.connect()
        leaving = asyncio.create_task(session.disconnect())
        await asyncio.sleep(0)
        coming = asyncio.create_task(session.connect())
        await asyncio.sleep(0)

        session.close()
        await leaving

        with pytest.raises(NotConnectedError, match="for good"):
            await coming
        assert session.state == "closed"


async def test_a_session_connected_again_while_its_context_ends_keeps_its_server() -> None:
    session = Session()
    await session.connect()
    leaving = asyncio.create_task(session.__aexit__(None, None, None))
    await until(session, lambda: session.state == "closing")

    await asyncio.wait_for(session.connect(), DEADLINE)
    await leaving

    assert (await session.request("one")).data == "one"
    await session.lifetime.ended()


async def _until_waiting(session: Session) -> None:
    await until(session, lambda: session.state == "waiting")


@pytest.mark.parametrize("is_started", [False, True])
async def test_what_a_session_has_not_sent_is_refused_when_nothing_reaches_it(
    is_started: bool,
) -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([3600.0])))
    if is_started:
        session.start()
        await _until_waiting(session)
    sending = session.send_message("one")

    del session
    gc.collect()

    with pytest.raises(NotConnectedError, match="for good"):
        await asyncio.wait_for(sending, DEADLINE)


async def test_what_repeats_a_message_ends_with_a_session_that_nothing_reaches() -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([3600.0])))
    session.send_every(1, "before")
    session.start()
    session.send_every(1, "after")
    await _until_waiting(session)

    del session
    gc.collect()

    await eventually(lambda: len(asyncio.all_tasks()) == 1)


async def test_a_request_that_waits_for_the_server_is_asked_once_it_is_there() -> None:
    server = EchoServer()
    server.listen()
    port = int(server.uri.rpartition(":")[2])
    await server.close()
    session = Session(f"ws://127.0.0.1:{port}", reconnect=Reconnect(delays=lambda: iter([3600.0])))
    session.start()
    asking = asyncio.create_task(session.request("one", timeout=None))
    await until(session, lambda: session.state == "waiting")

    async with EchoServer(port=port):
        await session.connect()

        assert (await asyncio.wait_for(asking, DEADLINE)).data == "one"
        await session.lifetime.ended()


def test_the_connection_is_closed_with_1001_at_the_end_of_the_process() -> None:
    async def connected() -> Session:
        session = Session()
        await session.connect()
        return session

    with asyncio.Runner() as runner:
        session = runner.run(connected())

        session.lifetime._say_goodbye()

        assert (session.state, session.close_code) == ("closed", 1001)


async def test_disconnect_keeps_the_frames_and_connect_reopens(session: Session) -> None:
    await session.request("one")
    await session.disconnect(4000, "enough")

    assert session.state == "closed"
    assert (session.close_code, session.close_reason) == (4000, "enough")
    assert [frame.data for frame in session.frames] == ["one"]
    assert texts(session)[-1] == "closed by this console: 4000 “enough”"
    await session.connect()
    assert (await session.request("two")).data == "two"


async def test_an_invalid_close_code_is_refused_and_the_connection_stays_open(
    session: Session,
) -> None:
    with pytest.raises(OptionError):
        await session.disconnect(1006)

    assert session.state == "open"


async def test_a_failure_is_raised_stored_and_noted_in_one_line() -> None:
    session = Session("http://example.org", reconnect=False)

    with pytest.raises(ValueError, match=r"ws://example\.org") as caught:
        await session.connect()

    await until(session, lambda: session.state == "closed")
    assert session.error is caught.value
    assert texts(session)[0].startswith("InvalidURIError: 'http://example.org'")
    assert [notice.is_error for notice in session.notices] == [True]
    await session.lifetime.ended()


async def test_a_closing_server_is_noted_and_retried() -> None:
    async with EchoServer() as server:
        session = Session(server.uri, reconnect=Reconnect(delays=lambda: iter([1e6])))
        await session.connect()
    await until(session, lambda: session.state == "waiting")

    assert session.close_code == 1001
    assert texts(session)[-1] == "closed by the server: 1001"
    await session.disconnect()
    assert session.state == "closed"
    await session.lifetime.ended()


@pytest.mark.parametrize("reconnect", [False, Reconnect(transient_statuses=())])
async def test_a_refusal_is_not_retried_unless_the_policy_says_so(
    reconnect: bool | Reconnect,
) -> None:
    async with EchoServer() as server:
        session = Session(f"{server.uri}/status?code=503", reconnect=reconnect)

        with pytest.raises(ConnectionError, match="503"):
            await session.connect()

        await until(session, lambda: session.state == "closed")
        await session.lifetime.ended()


async def test_subprotocol_and_other_options_reach_the_server() -> None:
    seen: list[str | None] = []

    async def handler(websocket: Any) -> None:
        seen.append(websocket.request.headers.get("X-Token"))
        await websocket.wait_closed()

    options = {"subprotocols": ["other", "chat"], "additional_headers": {"X-Token": "t"}}
    async with (
        serve(handler, "127.0.0.1", 0, subprotocols=["chat"]) as server,  # type: ignore[list-item]
        Session(uri_of(server), **options) as session,
    ):
        assert session.subprotocol == "chat"

    assert seen == ["t"]


# History.


async def test_an_earlier_value_of_frames_does_not_change(session: Session) -> None:
    await session.request("one")
    before = session.frames

    await session.request("two")

    assert [frame.data for frame in before] == ["one"]
    assert [frame.data for frame in session.frames] == ["one", "two"]
    assert [frame.sent for frame in session.sent] == [True, True]


async def test_a_data_frame_has_one_row_per_frame(session: Session) -> None:
    await session.request("one")
    await session.request(b"\x02")

    table = pd.DataFrame(session.frames)

    assert list(table["data"]) == ["one", b"\x02"]
    assert list(table.columns) == ["data", "time", "sent", "size"]


async def test_the_history_is_bounded_but_the_total_is_not() -> None:
    async with Session(history=10) as session:
        for number in range(30):
            session.send_message(str(number))
        await until(session, lambda: session.frames.total == 30)

        assert [frame.data for frame in session.frames] == [str(n) for n in range(20, 30)]


@pytest.mark.parametrize("limit", [{"history": 0}, {"history_bytes": 0}])
async def test_a_limit_below_one_is_refused(limit: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Session(**limit)


async def test_the_newest_thousand_notices_are_kept(session: Session) -> None:
    for number in range(1_500):
        session.journal.note(str(number))

    assert texts(session) == [str(number) for number in range(500, 1_500)]


async def test_clear_removes_all_frames_and_keeps_the_total(session: Session) -> None:
    await session.request("before")

    session.clear()

    assert (len(session.frames), len(session.sent), session.notices) == (0, 0, ())
    await session.request("after")
    assert [frame.data for frame in session.frames] == ["after"]
    assert session.frames.total == 2


async def test_frames_of_both_directions_are_saved(session: Session, tmp_path: Path) -> None:
    await session.request("Hello!")
    path = tmp_path / "talk.jsonl"

    await session.save(path)

    assert [frame.data for frame in load(path).frames] == ["Hello!", "Hello!"]
    assert load(path).close_code is None
    assert session.recording.uri == session.uri


async def test_what_decode_makes_of_frames_is_saved_with_them(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"

    async with Session(decode=lambda frame: {"size": frame.size}) as session:
        reply = await session.request(b"\x00\x01")
        await session.save(path)

    assert reply.data == b"\x00\x01"
    assert path.read_text().count('"decoded":{"size": 2}') == 2
    assert [frame.data for frame in load(path).frames] == [b"\x00\x01"] * 2


def test_decode_must_be_a_function() -> None:
    with pytest.raises(OptionError, match="decode='msgpack' is not valid; it must be a function"):
        Session("ws://127.0.0.1:9", decode="msgpack")  # type: ignore[arg-type]


def test_an_address_must_be_a_text_and_what_is_sent_on_open_a_message_or_several() -> None:
    with pytest.raises(InvalidURIError, match="8765 is not a text; write 'ws://host:port/path'"):
        Session(8765)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on_open=5 is not valid; it must be a message, a list"):
        Session("ws://127.0.0.1:9", on_open=5)  # type: ignore[arg-type]


async def test_a_recording_after_the_end_has_the_close_code(session: Session) -> None:
    await session.disconnect(4000, "enough")

    assert (session.recording.close_code, session.recording.close_reason) == (4000, "enough")


async def test_a_file_is_saved_even_if_nobody_waits_for_it_any_more(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, may_go_on, write = tmp_path / "talk.jsonl", threading.Event(), Recording.saving

    def saving(recording: Recording, path: Path, **options: Any) -> Iterator[None]:
        may_go_on.wait()
        return write(recording, path, **options)

    monkeypatch.setattr(Recording, "saving", saving)
    waiting = asyncio.ensure_future(session.save(path))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])
    may_go_on.set()

    assert waiting.cancelled()
    await eventually(path.exists)
    await eventually(lambda: "ipywsecho-save" not in [each.name for each in threading.enumerate()])


async def test_a_failure_to_save_is_raised(session: Session, tmp_path: Path) -> None:
    with pytest.raises(SaveError):
        await session.save(tmp_path / "nowhere" / "talk.jsonl")

    assert session.state == "open"


async def test_the_repr_shows_address_state_and_counts(session: Session) -> None:
    await session.request("Hello!")

    assert repr(session) == f"Session({session.uri!r}, state='open', frames=1, sent=1)"


def test_the_repr_masks_the_secrets_of_the_address() -> None:
    session = Session("ws://ann:hunter22hunter@127.0.0.1:9/?token=verysecret")

    assert "hunter22hunter" not in repr(session)
    assert "verysecret" not in repr(session)
    session.close()


# Sending and receiving.


async def test_invalid_data_is_refused_and_the_connection_stays_open(session: Session) -> None:
    with pytest.raises(TypeError, match=r"json\.dumps"):
        session.send_message({"a": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surrogates"):
        session.send_message("\ud800")

    assert (await session.request("still here")).data == "still here"


async def test_bytes_like_data_is_sent_as_a_binary_frame(session: Session) -> None:
    await session.send_message(bytearray(b"\x00"))

    assert [frame.data for frame in session.sent] == [b"\x00"]


async def test_messages_can_be_sent_from_another_thread(session: Session) -> None:
    threads = [
        threading.Thread(target=session.send_message, args=(str(number),)) for number in range(10)
    ]
    for thread in threads:
        thread.start()

    await until(session, lambda: len(session.frames) == 10)

    for thread in threads:
        thread.join()
    assert sorted(frame.data for frame in session.frames) == [str(number) for number in range(10)]


async def test_every_public_coroutine_works_on_another_loop(session: Session) -> None:
    async def elsewhere() -> list[str | bytes]:
        replies = aiter(session)
        await session.connect()
        await session.send_message("from")
        await session.send_message("afar")
        heard = [(await anext(replies)).data, (await anext(replies)).data]
        await session.disconnect()
        return heard

    heard = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))

    assert heard == ["from", "afar"]
    assert session.state == "closed"


async def test_a_message_beyond_the_limit_of_waiting_data_is_refused_with_a_remedy() -> None:
    session = Session("ws://127.0.0.1:9", reconnect=False)
    session.start()
    megabyte = bytes(1_000_000)

    sendings = [session.send_message(megabyte) for _ in range(70)]

    with pytest.raises(NotConnectedError, match="await send_message"):
        await sendings[-1]
    await until(session, lambda: session.state == "closed")
    await session.lifetime.ended()


async def test_a_hundred_thousand_messages_arrive_completely_and_in_order() -> None:
    count = 100_000

    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message)

    # On a busy machine they take minutes, and a ping of either side may wait behind them all.
    async with (
        serve(echo, "127.0.0.1", 0, ping_interval=None) as server,
        Session(uri_of(server), history=count, ping_interval=None) as session,
    ):
        for number in range(count):
            session.send_message(str(number))
        await until(session, lambda: session.frames.total == count, 10 * DEADLINE)

        assert [frame.data for frame in session.sent] == [str(number) for number in range(count)]
        assert [frame.data for frame in session.frames] == [str(number) for number in range(count)]


async def test_iteration_yields_every_new_frame_and_ends_with_the_connection(
    session: Session,
) -> None:
    await session.request("before")
    heard: list[list[str | bytes]] = [[], []]

    async def listen(number: int, frames: Any) -> None:
        async for frame in frames:
            heard[number].append(frame.data)

    listeners = [asyncio.ensure_future(listen(n, aiter(session))) for n in (0, 1)]
    await session.request("one")
    await session.request("two")
    await session.disconnect()
    await asyncio.wait_for(asyncio.gather(*listeners), DEADLINE)

    assert heard == [["one", "two"], ["one", "two"]]


async def test_a_loop_that_falls_behind_is_noted_with_the_number_of_lost_frames() -> None:
    async with Session(history=1) as session:
        frames = aiter(session)

        for text in ("one", "two", "three"):
            await session.request(text)
        newest = await anext(frames)

        assert newest.data == "three"
        assert "fell behind: 2 were forgotten before it came" in texts(session)[-1]


async def test_a_request_without_an_answer_times_out() -> None:
    async with EchoServer() as server, Session(f"{server.uri}/silent") as session:
        with pytest.raises(TimeoutError):
            await session.request("Hello?", timeout=0.01)

        assert session.state == "open"


async def test_a_request_over_a_closed_connection_raises_an_error(session: Session) -> None:
    await session.disconnect()

    with pytest.raises(NotConnectedError):
        await session.request("Hello?")


async def test_a_request_that_the_server_answers_by_closing_fails() -> None:
    async def handler(websocket: Any) -> None:
        await websocket.recv()

    async with serve(handler, "127.0.0.1", 0) as server:
        session = Session(uri_of(server), reconnect=False)
        await session.connect()

        with pytest.raises(NotConnectedError, match="closed before a reply came"):
            await session.request("Hello?")
        await session.lifetime.ended()


# Callbacks.


async def test_a_callback_that_removes_itself_keeps_no_frame_from_another(
    session: Session,
) -> None:
    once: list[Frame] = []
    heard: list[Frame] = []

    def hear_once(frame: Frame) -> None:
        once.append(frame)
        session.on_frame(hear_once, remove=True)

    session.on_frame(hear_once)
    session.on_frame(heard.append)
    await session.request("first")
    await session.request("second")

    assert [frame.data for frame in once] == ["first"]
    assert [frame.data for frame in heard] == ["first", "second"]


async def test_callbacks_on_frames_can_be_added_and_removed(session: Session) -> None:
    heard: list[Frame] = []
    session.on_frame(heard.append)
    await session.request("one")

    session.on_frame(heard.append, remove=True)
    await session.request("two")

    assert [frame.data for frame in heard] == ["one"]


async def test_an_error_in_a_callback_is_noted_with_its_place_and_does_not_affect_others(
    session: Session,
) -> None:
    heard: list[Frame] = []

    def fail(_: Any) -> None:
        raise LookupError("not here")

    session.on_frame(fail)
    session.on_frame(heard.append)

    await session.request("one")
    await session.request("two")

    assert [frame.data for frame in heard] == ["one", "two"]
    assert session.state == "open"
    line = fail.__code__.co_firstlineno + 1
    told = f"a callback failed: LookupError: not here (in fail, {__file__}, line {line})"
    assert [each.occurrences for each in session.notices if each.text == told] == [2]


class Witness(Host):
    """A host that records its notifications."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def make_log(self, name: str, history: int, history_bytes: int) -> FrameLog:
        self.told.append(f"log of {name}")
        return super().make_log(name, history, history_bytes)

    def attached(self, loop: asyncio.AbstractEventLoop) -> None:
        assert loop is asyncio.get_running_loop()
        self.told.append("attached")

    def received(self) -> None:
        self.told.append("received")

    def sent(self) -> None:
        self.told.append("sent")

    def noticed(self) -> None:
        self.told.append("noticed")

    def changed(self) -> None:
        self.told.append("changed")

    def cleared(self) -> None:
        self.told.append("cleared")

    def ended(self) -> None:
        self.told.append("ended")


async def told_after(action: Callable[[Session], Awaitable[object]]) -> list[str]:
    """Return the notifications of a host during an action on an open session."""
    host = Witness()
    async with Session(host=host) as session:
        assert host.told[:3] == ["log of frames", "log of sent", "attached"]
        before = len(host.told)
        await action(session)
        return host.told[before:]


async def test_a_host_is_notified_of_frames_in_both_directions() -> None:
    told = await told_after(lambda session: session.request("Hello!"))

    assert told == ["sent", "received"]


async def test_a_host_is_notified_of_clearing_and_of_the_end() -> None:
    host = Witness()
    async with Session(host=host) as session:
        session.clear()
        assert host.told[-1] == "cleared"

    await session.lifetime.ended()
    assert host.told[-1] == "ended"


# Under pressure.


async def test_a_cancelled_disconnect_continues_and_connect_reopens() -> None:
    async with EchoServer() as server:
        session = Session(server.uri)
        await session.connect()
        closing = asyncio.ensure_future(session.disconnect())
        await asyncio.sleep(0)

        closing.cancel()
        await until(session, lambda: session.state == "closed")
        await session.connect()

        assert (await session.request("again")).data == "again"
        await session.lifetime.ended()


@pytest.mark.parametrize("after", range(12))
async def test_disconnecting_at_any_moment_of_a_handshake_ends_it(after: int) -> None:
    async with EchoServer() as server:
        session = Session(server.uri)
        session.start()
        for _ in range(after):
            await asyncio.sleep(0)

        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(session.disconnect() for _ in range(3)))

        assert session.state == "closed"
        assert (await _echo_after(session)) == "again"
        await session.lifetime.ended()


async def _echo_after(session: Session) -> str | bytes:
    await session.connect()
    return (await session.request("again")).data


async def test_the_attempts_end_with_the_last_error_when_the_delays_are_exhausted() -> None:
    async with EchoServer() as server:
        policy = Reconnect(delays=lambda: iter([0.0, 0.0]))
        session = Session(f"{server.uri}/status?code=503", reconnect=policy)

        with pytest.raises(ConnectionError, match="503"):
            await session.connect()
        await until(session, lambda: session.state == "closed")

        assert texts(session)[-1] == "gave up after 3 attempts"
        assert session.error is not None
        assert "503" in str(session.error)
        await session.lifetime.ended()


def _raise() -> Iterator[float]:
    raise LookupError("not here")


@pytest.mark.parametrize(
    ("delays", "failure"),
    [
        (_raise, "LookupError: not here"),
        (lambda: None, "TypeError: 'NoneType' object is not iterable"),
        (lambda: ["soon"], "TypeError"),
        (lambda: [-1.0], "ValueError: a delay of -1.0 seconds is not a number from 0 on"),
        (lambda: [float("inf")], "ValueError: a delay of inf seconds"),
        (lambda: [float("nan")], "ValueError: a delay of nan seconds"),
    ],
)
async def test_delays_that_fail_end_the_attempts_with_a_notice(delays: Any, failure: str) -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=delays))

    with pytest.raises(ConnectError):
        await session.connect()
    await until(session, lambda: session.state == "closed")

    assert f"reconnect=… failed: {failure}" in texts(session)[-1]
    assert isinstance(session.error, ConnectError)
    await session.lifetime.ended()


async def test_delays_may_be_any_iterable() -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: [0.0, 0]))
    session.start()
    await until(session, lambda: session.connection.has_begun and session.state == "closed")

    assert texts(session)[-1] == "gave up after 3 attempts"
    await session.lifetime.ended()


async def test_a_message_too_large_for_the_server_ends_with_1009_and_an_explanation() -> None:
    async def read(websocket: Any) -> None:
        async for _ in websocket:
            pass

    async with serve(read, "127.0.0.1", 0) as server:
        session = Session(uri_of(server), reconnect=False)
        await session.connect()

        with contextlib.suppress(NotConnectedError):
            await session.send_message(bytes(20_000_000))
        await until(session, lambda: session.state == "closed")

        assert session.close_code == 1009
        assert "the message was larger than the server accepts" in texts(session)[-1]
        await session.lifetime.ended()


async def test_a_session_reconnects_after_a_server_closes_with_1012_and_keeps_reading() -> None:
    async def restart(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x88\x02\x03\xf4")
        writer.write_eof()
        await reader.read()

    async with peer(together(shake_hands, restart)) as uri:
        session = Session(uri, reconnect=Reconnect(delays=lambda: iter([0.0] * 9)))
        await session.connect()

        await until(session, lambda: session.frames or len(texts(session)) >= 3)

        assert texts(session)[1].startswith("closed by the server: 1012")
        await session.connect()
        assert session.state == "open"
        await session.lifetime.ended()


@pytest.mark.parametrize("is_fragmented", [False, True])
async def test_a_flood_with_a_slow_callback_takes_bounded_memory_and_disconnect_returns(
    is_fragmented: bool,
) -> None:
    message = b"\x01\x10" + bytes(16) + b"\x80\x10" + bytes(16)
    flood = (message if is_fragmented else b"\x81\x20" + bytes(32)) * 2_000

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(flood)
                await writer.drain()

    def dawdle(_: Frame) -> None:
        # About 100 µs of work.
        sum(range(5_000))

    async with peer(together(shake_hands, pour)) as uri:
        session = Session(uri, history=100, close_timeout=0.2, reconnect=False)
        session.on_frame(dawdle)
        await session.connect()
        await until(session, lambda: session.frames.total > 3_000)
        traffic = session.traffic.received
        waiting = traffic.wire_bytes - traffic.frames * len(flood) // 2_000

        async with asyncio.timeout(DEADLINE):
            await session.disconnect()

        assert waiting < 1_000_000
        assert session.state == "closed"
        await session.lifetime.ended()


# Control frames, traffic and time.


async def test_the_duration_of_a_ping_becomes_the_latency(session: Session) -> None:
    seconds = await session.ping(b"hey")

    assert 0 < seconds < DEADLINE
    assert session.latency == seconds


async def test_a_ping_without_a_connection_raises_an_error(session: Session) -> None:
    await session.disconnect()

    with pytest.raises(NotConnectedError, match=r"connect\(\) opens it"):
        await session.ping()


async def test_a_ping_that_is_too_long_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="125 bytes"):
        await session.ping(bytes(126))


async def test_control_frames_are_kept_on_request_and_separately_from_frames(
    tmp_path: Path,
) -> None:
    async def talk(websocket: Any) -> None:
        await websocket.send(["in ", "three ", "fragments"])
        await websocket.ping(b"theirs")
        await websocket.wait_closed()

    async with (
        serve(talk, "127.0.0.1", 0) as server,
        Session(uri_of(server), control_frames=True, compression=None) as session,
    ):
        await session.ping(b"ours")
        await until(session, lambda: len(session.controls) == 5)
        await session.save(tmp_path / "talk.jsonl")
        await session.save(tmp_path / "talk.har")

    kept = {(each.opcode, each.data, each.sent, each.fragments) for each in session.controls}
    assert kept == {
        (0, b"", False, 4),
        (9, b"theirs", False, 0),
        (10, b"theirs", True, 0),
        (9, b"ours", True, 0),
        (10, b"ours", False, 0),
    }
    assert [frame.data for frame in session.frames] == ["in three fragments"]
    loaded = load(tmp_path / "talk.jsonl")
    assert [each[1:] for each in loaded.controls] == [each[1:] for each in session.controls]
    assert [frame.data for frame in loaded.frames] == ["in three fragments"]
    assert '"opcode":9' in (tmp_path / "talk.har").read_text(encoding="utf-8")
    assert [frame.data for frame in load(tmp_path / "talk.har").frames] == ["in three fragments"]


async def test_control_frames_are_not_kept_by_default(session: Session) -> None:
    await session.ping()

    assert session.controls == ()


async def test_traffic_is_counted_over_all_connections(session: Session) -> None:
    for _ in range(2):
        await session.request("grün")
        await session.disconnect()
        await session.connect()

    traffic = session.traffic

    assert (traffic.received.frames, traffic.received.bytes) == (2, 10)
    assert (traffic.sent.frames, traffic.sent.bytes) == (2, 10)
    assert traffic.sent.wire_bytes > traffic.received.wire_bytes > 10
    traffic.sent.frames = 99
    assert session.traffic.sent.frames == 2


async def test_a_clock_set_back_by_an_hour_does_not_change_the_order(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, shift = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + shift)
    for number in range(6):
        await session.request(f"{number}")
        session.journal.note(f"notice {number}")
        shift -= 3_600

    rows = [
        entry.text if isinstance(entry, Notice) else entry.data
        for entry in newest_first(session.frames, session.sent, session.notices[1:])
    ]
    await session.save(tmp_path / "talk.jsonl")

    assert rows == [row for n in range(5, -1, -1) for row in (f"notice {n}", f"{n}", f"{n}")]
    recorded = session.recording.frames
    assert [(frame.sent, frame.data) for frame in recorded] == [
        (sent, f"{number}") for number in range(6) for sent in (True, False)
    ]
    assert recorded[-1].time < recorded[0].time - 4 * 3_600
    loaded = load(tmp_path / "talk.jsonl")
    assert list(loaded.frames) == list(recorded)
    loaded.save(tmp_path / "again.jsonl")
    first, again = (tmp_path / f"{name}.jsonl" for name in ("talk", "again"))
    assert first.read_text(encoding="utf-8") == again.read_text(encoding="utf-8")
