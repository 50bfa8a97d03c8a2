"""The connection against real servers: the package's own, websockets, aiohttp and Tornado."""

import asyncio
import concurrent.futures
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp.web
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket
from websockets.asyncio.server import ServerConnection, serve

from ipywsecho.connection.connection import Connection
from ipywsecho.connection.outbox import Parcel
from ipywsecho.connection.reconnect import Reconnect
from ipywsecho.connection.states import State
from ipywsecho.errors import (
    ClosedError,
    ConnectError,
    HandshakeError,
    InvalidURIError,
    NotConnectedError,
    OptionError,
)
from ipywsecho.frames import Control
from ipywsecho.frames.log import Frame, Notice
from ipywsecho.server.echo import EchoServer

DEADLINE = 60.0


class Witness:
    """Records what a connection reports, and lets a test wait for it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.sent_frames: list[Frame] = []
        self.notices: list[str] = []
        self.controls: list[Control] = []
        self.states: list[State] = []
        self.connection: Connection
        self._happened = asyncio.Event()

    def received(self, frames: list[Frame]) -> None:
        self.frames += frames
        self._happened.set()

    def controlled(self, control: Control) -> None:
        self.controls.append(control)
        self._happened.set()

    def sent(self, frame: Frame) -> None:
        self.sent_frames.append(frame)
        self._happened.set()

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice.text)
        self._happened.set()

    def changed(self) -> None:
        self.states.append(self.connection.state)
        self._happened.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until a condition holds; it is checked after each report."""
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self._happened.clear()
                await self._happened.wait()


def connection_to(
    uri: str, *, reconnect: Reconnect | None = None, **options: Any
) -> tuple[Connection, Witness]:
    """Return a connection that is not open yet, and the witness that records its reports."""
    witness = Witness()
    connection = Connection(uri, witness, reconnect=reconnect, options=options)
    witness.connection = connection
    return connection, witness


def send(connection: Connection, data: str | bytes) -> "asyncio.Future[None]":
    """Send a frame, and return a future that is done when the frame has been handed over."""
    parcel = Parcel(data, concurrent.futures.Future())
    connection.send(parcel)
    return asyncio.wrap_future(parcel.receipt)


@asynccontextmanager
async def server(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server with the given handler, and yield its URI."""
    async with serve(handler, "127.0.0.1", 0) as serving:
        yield f"ws://127.0.0.1:{serving.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def tcp_server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Run a TCP server that need not speak HTTP, and yield a WebSocket URI for it."""

    async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    serving = await asyncio.start_server(answer_and_close, "127.0.0.1", 0)
    async with serving:
        yield f"ws://127.0.0.1:{serving.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def aiohttp_echo() -> AsyncIterator[str]:
    async def echo(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        websocket = aiohttp.web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await websocket.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await websocket.send_bytes(message.data)
        return websocket

    application = aiohttp.web.Application()
    application.router.add_get("/", echo)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class TornadoEcho(tornado.websocket.WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message, binary=isinstance(message, bytes))


@asynccontextmanager
async def tornado_echo() -> AsyncIterator[str]:
    http_server = tornado.httpserver.HTTPServer(tornado.web.Application([("/", TornadoEcho)]))
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", socket.AF_INET)
    http_server.add_sockets(sockets)
    try:
        yield f"ws://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        http_server.stop()
        await http_server.close_all_connections()


@asynccontextmanager
async def our_echo() -> AsyncIterator[str]:
    async with EchoServer() as echo_server:
        yield str(echo_server.uri)


@pytest.mark.parametrize("echo", [our_echo, aiohttp_echo, tornado_echo])
async def test_text_and_bytes_are_echoed_unchanged(echo: Callable[[], Any]) -> None:
    async with echo() as uri:
        connection, witness = connection_to(uri)
        await connection.open()

        for data in ("Hello!", "ünïcödé ☃ 🐍", "", b"\x00\xff", b"", "x" * 200_000):
            await send(connection, data)
        await witness.until(lambda: len(witness.frames) == 6)
        await connection.close()

    sent = [frame.data for frame in witness.sent_frames]
    assert [frame.data for frame in witness.frames] == sent
    assert sent == ["Hello!", "ünïcödé ☃ 🐍", "", b"\x00\xff", b"", "x" * 200_000]
    assert [frame.sent for frame in witness.sent_frames] == [True] * 6
    assert [frame.sent for frame in witness.frames] == [False] * 6
    assert connection.close_code == 1000


async def test_a_connection_goes_through_its_states_in_order() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)

        await connection.open()
        await connection.close()

    assert witness.states == ["connecting", "open", "closing", "closed"]
    assert witness.notices == [f"connected to {uri}", "closed by this console: 1000"]


async def test_a_closed_connection_can_be_opened_again() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        await connection.open()
        await connection.close()

        await connection.open()
        await send(connection, "again")
        await witness.until(lambda: witness.frames)
        await connection.close()

    assert [frame.data for frame in witness.frames] == ["again"]


async def test_a_frame_sent_before_the_connection_is_open_waits_for_it() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        receipt = send(connection, "early")

        await connection.open()
        await receipt
        await witness.until(lambda: witness.frames)
        await connection.close()

    assert [frame.data for frame in witness.frames] == ["early"]


async def test_sending_over_a_closed_connection_raises_an_error() -> None:
    async with our_echo() as uri:
        connection, _ = connection_to(uri)
        await connection.open()
        await connection.close()

        with pytest.raises(NotConnectedError, match="connect"):
            await send(connection, "late")


async def test_a_cancelled_frame_is_not_sent() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        taken_back = Parcel("never", concurrent.futures.Future())
        connection.send(taken_back)
        taken_back.receipt.cancel()

        await connection.open()
        await send(connection, "kept")
        await witness.until(lambda: witness.frames)
        await connection.close()

    assert [frame.data for frame in witness.sent_frames] == ["kept"]


async def test_a_close_by_the_server_is_reported_with_its_code_and_reason() -> None:
    async def close(websocket: ServerConnection) -> None:
        await websocket.close(4001, "bye")

    async with server(close) as uri:
        connection, witness = connection_to(uri)
        await connection.open()
        await witness.until(lambda: connection.state is State.CLOSED)

    assert (connection.close_code, connection.close_reason) == (4001, "bye")
    assert witness.notices[-1] == "closed by the server: 4001 “bye”"
    assert isinstance(connection.error, ClosedError)
    assert connection.error.code == 4001


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_close_by_the_server_is_not_an_error(code: int) -> None:
    async def close(websocket: ServerConnection) -> None:
        await websocket.close(code)

    async with server(close) as uri:
        connection, witness = connection_to(uri)
        await connection.open()
        await witness.until(lambda: connection.state is State.CLOSED)

    assert connection.error is None
    assert connection.close_code == code
    assert witness.notices[-1] == f"closed by the server: {code}"


async def test_the_code_and_reason_of_a_close_reach_the_server() -> None:
    heard: list[tuple[int | None, str | None]] = []
    is_over = asyncio.Event()

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        heard.append((websocket.close_code, websocket.close_reason))
        is_over.set()

    async with server(listen) as uri:
        connection, _ = connection_to(uri)
        await connection.open()
        await connection.close(4321, "ciao")
        await asyncio.wait_for(is_over.wait(), DEADLINE)

    assert heard == [(4321, "ciao")]


@pytest.mark.parametrize(("code", "reason"), [(999, ""), (1005, ""), (5000, ""), (1000, "ä" * 62)])
async def test_an_invalid_close_code_or_reason_leaves_the_connection_open(
    code: int, reason: str
) -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        await connection.open()

        with pytest.raises(OptionError):
            await connection.close(code, reason)

        await send(connection, "still here")
        await witness.until(lambda: witness.frames)
        await connection.close()


async def test_a_connection_cut_without_a_close_frame_is_reported_as_lost() -> None:
    async def cut(websocket: ServerConnection) -> None:
        websocket.transport.abort()
        await websocket.wait_closed()

    async with server(cut) as uri:
        connection, witness = connection_to(uri)
        await connection.open()
        await witness.until(lambda: connection.state is State.CLOSED)

    assert connection.close_code == 1006
    assert isinstance(connection.error, ClosedError)
    assert "connection lost" in witness.notices[-1]


async def test_the_error_for_a_message_over_the_limit_names_the_option() -> None:
    async def push(websocket: ServerConnection) -> None:
        await websocket.send("x" * 2_000)
        await websocket.wait_closed()

    async with server(push) as uri:
        connection, witness = connection_to(uri, max_size=1_000)
        await connection.open()
        await witness.until(lambda: connection.state is State.CLOSED)

    assert connection.close_code == 1009
    assert "max_size" in str(connection.error)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _failure(uri: str, **options: Any) -> tuple[Exception, Witness]:
    connection, witness = connection_to(uri, **options)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        await connection.open()
    await witness.until(lambda: connection.state is State.CLOSED)
    assert connection.error is caught.value
    assert "\n" not in witness.notices[-1]
    assert witness.notices[-1].startswith(type(caught.value).__name__ + ": ")
    return caught.value, witness


async def test_a_refused_connection_is_reported_with_a_hint() -> None:
    error, _ = await _failure(f"ws://127.0.0.1:{_free_port()}")

    assert isinstance(error, ConnectError)
    assert "no server listens" in str(error)
    assert isinstance(error.__cause__, ConnectionRefusedError)


async def test_a_refused_connection_to_a_name_with_several_addresses_is_reported_alike() -> None:
    error, _ = await _failure(f"ws://localhost:{_free_port()}")

    assert "no server listens" in str(error)


async def test_an_unknown_host_name_is_reported() -> None:
    error, _ = await _failure("ws://no-such-host.invalid", proxy=None)

    assert isinstance(error, ConnectError)
    assert "no-such-host.invalid" in str(error)


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("http://localhost:1234/path", "ws://localhost:1234/path"),
        ("https://localhost", "wss://localhost"),
        ("localhost:1234", "ws://localhost:1234"),
        ("wsx://localhost", "ws://host:port/path"),
        ("ws://localhost:99999", "ws://host:port/path"),
        ("", "ws://"),
    ],
)
async def test_an_invalid_address_is_reported_with_a_valid_one(uri: str, hint: str) -> None:
    error, _ = await _failure(uri)

    assert isinstance(error, InvalidURIError)
    assert hint in str(error)


async def _answer_404(_: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno\n chat!")


async def test_an_http_response_is_reported_with_its_status_and_body() -> None:
    async with tcp_server(_answer_404) as uri:
        error, _ = await _failure(uri)

    assert isinstance(error, HandshakeError)
    assert error.status == 404
    assert error.body == "no chat!"
    assert "404 Not Found" in str(error)
    assert "“no chat!”" in str(error)


async def _answer_gibberish(_: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")


async def _answer_nothing(*_: Any) -> None:
    pass


@pytest.mark.parametrize("answer", [_answer_gibberish, _answer_nothing])
async def test_a_response_that_is_not_http_is_reported(answer: Any) -> None:
    async with tcp_server(answer) as uri:
        error, _ = await _failure(uri)

    assert isinstance(error, HandshakeError)
    assert error.status is None
    assert "not as a WebSocket server" in str(error)


async def _answer_never(reader: asyncio.StreamReader, _: Any) -> None:
    await reader.read()


async def test_a_handshake_that_never_ends_times_out() -> None:
    async with tcp_server(_answer_never) as uri:
        error, _ = await _failure(uri, open_timeout=0.05)

    assert isinstance(error, ConnectError)
    assert "open_timeout" in str(error)


async def test_an_unknown_option_is_reported_by_name() -> None:
    error, _ = await _failure("ws://127.0.0.1:1", no_such_option=1)

    assert isinstance(error, OptionError)
    assert "no_such_option" in str(error)


async def test_closing_while_connecting_returns_at_once() -> None:
    is_asked = asyncio.Event()

    async def ask_and_never_answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_asked.set()
        await _answer_never(reader, writer)

    async with tcp_server(ask_and_never_answer) as uri:
        connection, witness = connection_to(uri, open_timeout=None)
        opening = asyncio.ensure_future(connection.open())

        async with asyncio.timeout(DEADLINE):
            await is_asked.wait()
            await connection.close()
            with pytest.raises(NotConnectedError):
                await opening

    assert witness.states[-1] is State.CLOSED
    assert connection.error is None


async def test_closing_before_the_first_attempt_prevents_it() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        connection.start()

        await connection.close()

    assert witness.states == ["connecting", "closing", "closed"]


async def test_closing_twice_at_once_has_the_effect_of_once() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        await connection.open()

        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(connection.close(), connection.close())
        await connection.close()

    assert witness.states.count(State.OPEN) == 1
    assert witness.states[-1] is State.CLOSED


async def test_closing_does_not_wait_for_a_server_that_never_answers() -> None:
    async def ignore_everything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _accept_handshake(reader, writer)
        await reader.read()

    async with tcp_server(ignore_everything) as uri:
        connection, _ = connection_to(uri, close_timeout=0.05)
        await connection.open()

        async with asyncio.timeout(DEADLINE):
            await connection.close()

    assert connection.state is State.CLOSED


async def _accept_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

    protocol = ServerProtocol()
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    request = next(iter(protocol.events_received()))
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    writer.write(b"".join(protocol.data_to_send()))


def _at_once() -> Iterator[float]:
    while True:
        yield 0.0


async def test_a_lost_connection_is_reopened_and_waiting_frames_are_sent_once() -> None:
    heard: list[str | bytes] = []
    lives = 0

    async def die_the_first_time(websocket: ServerConnection) -> None:
        nonlocal lives
        lives += 1
        if lives == 1:
            websocket.transport.abort()
        async for message in websocket:
            heard.append(message)
            await websocket.send(message)

    async with server(die_the_first_time) as uri:
        connection, witness = connection_to(uri, reconnect=Reconnect(delays=_at_once))
        await connection.open()
        await witness.until(lambda: connection.state is not State.OPEN)
        send(connection, "after the gap")
        await witness.until(lambda: witness.frames)
        await connection.close()

    assert heard == ["after the gap"]
    assert witness.states == [
        "connecting",
        "open",
        "waiting",
        "connecting",
        "open",
        "closing",
        "closed",
    ]


def _never() -> Iterator[float]:
    while True:
        yield 1e6


async def test_a_failure_is_raised_at_once_although_it_is_retried() -> None:
    connection, witness = connection_to(
        f"ws://127.0.0.1:{_free_port()}", reconnect=Reconnect(delays=_never)
    )

    with pytest.raises(ConnectError):
        await connection.open()

    await witness.until(lambda: connection.state is State.WAITING)
    assert isinstance(connection.error, ConnectError)
    await connection.close()
    assert witness.states[-2:] == ["closing", "closed"]


async def test_opening_while_waiting_retries_at_once() -> None:
    port = _free_port()
    connection, witness = connection_to(
        f"ws://127.0.0.1:{port}", reconnect=Reconnect(delays=_never)
    )
    connection.start()
    await witness.until(lambda: connection.state is State.WAITING)

    async with EchoServer(port=port):
        async with asyncio.timeout(DEADLINE):
            await connection.open()
        await connection.close()

    assert "open" in witness.states
    assert connection.error is None


async def test_a_retry_at_the_moment_the_wait_ends_is_one_attempt() -> None:
    connection, witness = connection_to(
        f"ws://127.0.0.1:{_free_port()}", reconnect=Reconnect(delays=lambda: iter([0.0, 1e6]))
    )
    changed = witness.changed

    def hurry() -> None:
        changed()
        if witness.states.count(State.WAITING) == 1 and connection.state is State.WAITING:
            asyncio.get_running_loop().call_soon(connection.start)

    witness.changed = hurry  # type: ignore[method-assign]
    connection.start()
    await witness.until(lambda: witness.states.count(State.WAITING) == 2)
    await connection.close()

    assert witness.states == [
        *("connecting", "waiting", "connecting", "waiting"),
        *("closing", "closed"),
    ]


async def test_unsent_frames_fail_with_the_error_of_the_connection() -> None:
    connection, witness = connection_to(f"ws://127.0.0.1:{_free_port()}")
    receipts = [send(connection, "one"), send(connection, "two")]

    connection.start()

    for receipt in receipts:
        with pytest.raises(ConnectError):
            await receipt
    await witness.until(lambda: connection.state is State.CLOSED)
    assert "2 unsent frames dropped" in witness.notices


async def test_cancelling_the_task_closes_the_connection_and_later_frames_fail() -> None:
    async with our_echo() as uri:
        connection, witness = connection_to(uri)
        await connection.open()
        assert connection._task is not None

        connection._task.cancel()
        await connection.ended()

    assert witness.states[-1] is State.CLOSED
    with pytest.raises(NotConnectedError):
        await send(connection, "late")


async def test_a_loopback_server_is_reached_without_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{_free_port()}")

    async with our_echo() as uri:
        connection, _ = connection_to(uri)
        await connection.open()
        await connection.close()

    assert connection.error is None
