"""Messages that are sent, or functions that are called, whenever a connection has opened."""

import asyncio
from typing import Any

import pytest

from ipywsecho import EchoServer, Reconnect, Session
from ipywsecho.connection.memory import MemoryDialing
from tests.links import Server
from tests.test_session import texts, until
from tests.virtual import virtual_time


def session_to(*servers: Server, **options: Any) -> Session:
    """Return a session that connects to the given servers one after the other."""
    session = Session(
        "ws://memory.invalid/", reconnect=Reconnect(delays=lambda: iter([1.0] * 9)), **options
    )
    waiting = list(servers)

    def dial(*args: Any, **kwargs: Any) -> MemoryDialing:
        return MemoryDialing(*args, **kwargs, accept=lambda: waiting.pop(0))

    session.connection._dial = dial
    return session


def heard(server: Server) -> list[str | bytes]:
    return [
        bytes(frame.data).decode() if frame.opcode == 1 else bytes(frame.data)
        for frame in server.frames
        if frame.opcode in (1, 2)
    ]


@pytest.mark.parametrize(
    ("greeting", "sent"),
    [
        ("hello", ["hello"]),
        (b"\x00", [b"\x00"]),
        (["one", b"two", "three"], ["one", b"two", "three"]),
        ([], []),
    ],
)
@virtual_time
async def test_a_greeting_is_sent_before_all_waiting_messages(
    greeting: Any, sent: list[str | bytes]
) -> None:
    server = Server()
    session = session_to(server, on_open=greeting)
    waiting = session.send_message("waited")

    await session.connect()
    await waiting

    assert heard(server) == [*sent, "waited"]
    assert [frame.data for frame in session.sent] == [*sent, "waited"]
    await session.lifetime.ended()


@virtual_time
async def test_each_connection_is_greeted_anew() -> None:
    servers = Server(), Server()
    session = session_to(*servers, on_open="subscribe")
    await session.connect()
    await session.send_message("first")

    servers[0].transport.abort()
    await until(session, lambda: session.state == "waiting")
    waiting = session.send_message("second")
    await waiting

    assert [heard(server) for server in servers] == [
        ["subscribe", "first"],
        ["subscribe", "second"],
    ]
    await session.lifetime.ended()


@virtual_time
async def test_a_function_is_called_with_the_session_and_its_messages_are_sent_first() -> None:
    server, called = Server(), []

    def greet(session: Session) -> None:
        called.append(session)
        session.send_message("from the function")

    session = session_to(server, on_open=greet)
    waiting = session.send_message("waited")
    await session.connect()
    await waiting

    assert called == [session]
    assert heard(server) == ["from the function", "waited"]
    await session.lifetime.ended()


@virtual_time
async def test_other_messages_wait_until_an_asynchronous_function_is_done() -> None:
    server = Server()

    async def log_in(session: Session) -> None:
        await session.send_message("user")
        await asyncio.sleep(5)
        await session.send_message("password")

    session = session_to(server, on_open=log_in)
    early = session.send_message("early")
    await session.connect()
    await asyncio.sleep(1)
    late = session.send_message("late")
    await early
    await late

    assert heard(server) == ["user", "password", "early", "late"]
    await session.lifetime.ended()


async def test_a_function_may_wait_for_a_reply() -> None:
    replies = []

    async def log_in(session: Session) -> None:
        replies.append((await session.request("who am I?")).data)

    async with EchoServer() as server, Session(server.uri, on_open=log_in) as session:
        await session.send_message("then")
        await until(session, lambda: session.frames.total == 2)

        assert replies == ["who am I?"]
        assert [frame.data for frame in session.frames] == ["who am I?", "then"]


@virtual_time
async def test_messages_of_a_task_started_by_the_function_wait_like_others() -> None:
    servers, tasks = (Server(), Server()), []

    async def beat(session: Session) -> None:
        await asyncio.sleep(10)
        await session.send_message("beat")

    def greet(session: Session) -> None:
        session.send_message("hello")
        if not tasks:
            tasks.append(asyncio.ensure_future(beat(session)))

    session = session_to(*servers, on_open=greet)
    await session.connect()
    await asyncio.sleep(9.5)
    servers[0].transport.abort()
    await until(session, lambda: session.state == "waiting")
    await asyncio.gather(*tasks)

    assert heard(servers[1]) == ["hello", "beat"]
    await session.lifetime.ended()


@virtual_time
async def test_a_failing_function_is_noted_and_the_connection_stays_open() -> None:
    server = Server()

    def fail(_: Session) -> None:
        raise LookupError("no token")

    session = session_to(server, on_open=fail)
    await session.connect()
    await session.send_message("all the same")

    assert heard(server) == ["all the same"]
    [line] = [text for text in texts(session) if text.startswith("on_open failed")]
    assert line.startswith("on_open failed: LookupError: no token (in fail, ")
    await session.lifetime.ended()


@virtual_time
async def test_a_greeting_for_a_lost_connection_is_not_sent_over_the_next_one() -> None:
    servers = Server(), Server()
    sendings = []

    async def greet(session: Session) -> None:
        if not sendings:
            servers[0].transport.abort()
            await asyncio.sleep(0)
        sendings.append(session.send_message(f"greeting {len(sendings)}"))
        await asyncio.sleep(1)

    session = session_to(*servers, on_open=greet)
    await session.connect()
    await session.send_message("then")

    assert heard(servers[1])[-2:] == ["greeting 1", "then"]
    assert "greeting 0" not in heard(servers[1])
    await session.lifetime.ended()


@pytest.mark.parametrize("greeting", [1, [{"a": 1}], object()])
def test_a_greeting_of_the_wrong_type_is_refused_at_once(greeting: Any) -> None:
    with pytest.raises(TypeError):
        Session(on_open=greeting)


@virtual_time
async def test_another_connection_that_refuses_a_message_of_the_greeting_is_noted() -> None:
    other = session_to()

    async def pass_on(_: Session) -> None:
        await other.ping()

    session = session_to(Server(), on_open=pass_on)
    await session.connect()
    await until(session, lambda: len(texts(session)) > 1)

    assert texts(session)[1].startswith(
        "on_open failed: NotConnectedError: there is no open connection to ping"
    )
    await session.lifetime.ended()
