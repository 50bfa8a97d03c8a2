"""Servers inside the process: what they do beyond what test_paths.py tries over both."""

import asyncio
import logging
import ssl

import pytest
from websockets.asyncio.server import ServerConnection

from ipywsecho import (
    ConnectError,
    EchoServer,
    HandshakeError,
    OptionError,
    Recording,
    ReplayServer,
    Session,
    WebSocketConsole,
)
from ipywsecho.connection.memory import CAPACITY, connect_in_memory
from ipywsecho.frames import Frame
from ipywsecho.in_process import HOST, listening_at
from ipywsecho.server import serving
from tests.clients import DEADLINE, handshake_request
from tests.timing import eventually
from tests.virtual import virtual_time


class Raw(asyncio.Protocol):
    """A client that sends and keeps bytes, whatever the rules."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.data = b""
        self.is_lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.is_lost.set()


async def raw_client(uri: str) -> Raw:
    client = Raw()
    connect_in_memory(client, await listening_at(uri).accepted())
    return client


async def test_the_address_is_one_that_no_machine_can_have() -> None:
    async with EchoServer(in_process=True) as server:
        assert str(server.uri).startswith(f"ws://{HOST}:")
        assert server.host == HOST


async def test_the_address_keeps_a_chosen_port_which_only_one_server_can_have() -> None:
    async with EchoServer(port=8765, in_process=True) as server:
        assert server.uri == f"ws://{HOST}:8765"
        with pytest.raises(OSError, match="in use"):
            await EchoServer(port=8765, in_process=True).start()

    async with EchoServer(port=8765, in_process=True) as server, Session(server.uri) as session:
        assert (await session.request("again")).data == "again"


async def test_a_console_finds_the_server_by_its_address() -> None:
    async with (
        asyncio.timeout(DEADLINE),
        EchoServer(in_process=True) as server,
        WebSocketConsole(server.uri) as console,
    ):
        assert (await console.request("Hello!")).data == "Hello!"
        assert (await console.request(b"\x00\xff")).data == b"\x00\xff"
        assert await console.ping() > 0
    console.close()


async def test_a_client_that_connects_early_waits_for_the_server() -> None:
    server = EchoServer(in_process=True)
    server.listen()
    session = Session(server.uri)
    connecting = asyncio.ensure_future(session.connect())
    await asyncio.sleep(0)

    async with asyncio.timeout(DEADLINE), server:
        await connecting
        await session.disconnect()


async def test_nobody_answers_after_the_server_was_closed() -> None:
    async with EchoServer(in_process=True) as server:
        uri = server.uri

    with pytest.raises(ConnectError, match=r"no server listens at ws://in-process\.invalid"):
        await Session(uri, reconnect=False).connect()


async def test_an_address_inside_the_process_has_no_tls() -> None:
    with pytest.raises(OptionError, match=r"ssl=… needs a socket"):
        EchoServer(ssl=ssl.create_default_context(), in_process=True)

    with pytest.raises(ConnectError, match="write ws://"):
        await Session(f"wss://{HOST}:1", reconnect=False).connect()


async def test_a_session_on_another_event_loop_is_told_where_to_connect() -> None:
    async with EchoServer(in_process=True) as server:
        uri = server.uri

        async def connect() -> None:
            await Session(uri, reconnect=False).connect()

        with pytest.raises(ConnectError, match="connect on the event loop of the server"):
            await asyncio.to_thread(asyncio.run, connect())


async def test_servers_listen_inside_the_process_where_no_socket_can_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_CAN_LISTEN", False)

    async with asyncio.timeout(DEADLINE), Session() as session:
        assert str(session.uri).startswith(f"ws://{HOST}:")
        assert (await session.request("Hello!")).data == "Hello!"
    async with EchoServer(in_process=False) as server:
        assert str(server.uri).startswith("ws://127.0.0.1:")


async def test_a_refused_handshake_has_its_status_and_body() -> None:
    async with EchoServer(in_process=True) as server:
        with pytest.raises(HandshakeError) as refused:
            await Session(f"{server.uri}/nowhere", reconnect=False).connect()

    assert refused.value.status == 404
    assert "known paths: /, /clock" in refused.value.body


async def test_headers_subprotocol_and_credentials_reach_the_server() -> None:
    seen: list[ServerConnection] = []

    async def look(connection: ServerConnection) -> None:
        seen.append(connection)

    class Choosing(EchoServer):
        def choose(self, connection: ServerConnection, offered: object) -> str:  # type: ignore[override]  # noqa: ARG002
            return "chat.v2"

    async with Choosing(paths={"/": look}, in_process=True) as server:
        session = Session(
            str(server.uri).replace("ws://", "ws://ada:secret@"),
            subprotocols=["chat.v1", "chat.v2"],
            additional_headers={"X-Lesson": "1"},
            reconnect=False,
        )
        await session.connect()
        assert session.subprotocol == "chat.v2"

    assert seen[0].request is not None
    headers = seen[0].request.headers
    assert headers["X-Lesson"] == "1"
    assert headers["Authorization"].startswith("Basic ")
    assert headers["User-Agent"].startswith("Python/")


@pytest.mark.parametrize(("origin", "is_allowed"), [("https://evil.example", False), (None, True)])
async def test_origins_are_checked(origin: str | None, is_allowed: bool) -> None:
    async with EchoServer(in_process=True) as server:
        session = Session(server.uri, origin=origin, reconnect=False)
        if is_allowed:
            await session.connect()
        else:
            with pytest.raises(HandshakeError) as refused:
                await session.connect()
            assert refused.value.status == 403


async def test_closing_the_server_closes_connections_with_code_1001() -> None:
    async with asyncio.timeout(DEADLINE):
        async with EchoServer(in_process=True) as server:
            session = Session(server.uri, reconnect=False)
            await session.connect()
            open_to_all = Session(f"{server.uri}/clock", reconnect=False)
            await open_to_all.connect()
        await session.connection.ended()
        await open_to_all.connection.ended()

    assert (session.close_code, open_to_all.close_code) == (1001, 1001)


@virtual_time
async def test_a_client_that_does_not_read_does_not_delay_the_close() -> None:
    async with EchoServer(in_process=True) as server:
        client = await raw_client(str(server.uri))
        client.transport.pause_reading()
        request = handshake_request("/flood?count=1000000&size=100000")
        client.transport.write(request.encode())
        await asyncio.sleep(1)
        begun = asyncio.get_running_loop().time()

        await server.close()

    assert asyncio.get_running_loop().time() - begun < 10


@virtual_time
async def test_a_client_without_a_handshake_is_let_go() -> None:
    async with EchoServer(in_process=True) as server:
        client = await raw_client(str(server.uri))
        await asyncio.sleep(60)

        assert client.is_lost.is_set()


@virtual_time
async def test_a_client_without_a_handshake_does_not_delay_the_close() -> None:
    async with EchoServer(in_process=True) as server:
        client = await raw_client(str(server.uri))
        await asyncio.sleep(0.1)
        begun = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - begun < 10
    await client.is_lost.wait()


async def test_a_flood_waits_for_a_client_that_does_not_read() -> None:
    connections: list[ServerConnection] = []

    async def flood(connection: ServerConnection) -> None:
        connections.append(connection)
        for _ in range(1_000):
            await connection.send(bytes(100_000))

    async with asyncio.timeout(DEADLINE), EchoServer(paths={"/": flood}, in_process=True) as server:
        client = await raw_client(str(server.uri))
        client.transport.pause_reading()
        client.transport.write(handshake_request().encode())
        await eventually(
            lambda: connections and connections[0].transport.get_write_buffer_size() > 2**15
        )

        assert connections[0].transport.get_write_buffer_size() < CAPACITY
        client.transport.abort()


async def test_a_client_that_vanishes_causes_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with asyncio.timeout(DEADLINE), EchoServer(in_process=True) as server:
        client = await raw_client(str(server.uri))
        client.transport.write(handshake_request("/flood").encode())
        await eventually(lambda: client.data)
        client.transport.abort()
        await client.is_lost.wait()

    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_an_unexpected_error_of_a_connection_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(EchoServer):
        async def _serve(self, connection: ServerConnection) -> None:  # noqa: ARG002
            raise LookupError("unexpected")

    async with asyncio.timeout(DEADLINE), Failing(in_process=True) as server:
        session = Session(server.uri, reconnect=False)
        await session.connect()
        await session.connection.ended()

    assert session.close_code == 1011
    [error] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], LookupError)


@pytest.mark.parametrize(("code", "reason"), [(4001, "bye"), (1006, None), (None, None)])
async def test_a_recording_is_replayed_to_its_recorded_end(
    code: int | None, reason: str | None
) -> None:
    frames = tuple(Frame(f"frame {number}", float(number)) for number in range(100))
    recording = Recording(frames=frames, close_code=code, close_reason=reason)

    async with (
        asyncio.timeout(DEADLINE),
        ReplayServer(recording, speed=float("inf"), in_process=True) as server,
    ):
        session = Session(server.uri, reconnect=False)
        received = session.stream(from_start=True)
        await session.connect()
        data = [frame.data async for frame in received]

    assert data == [frame.data for frame in frames]
    assert session.close_code == (1000 if code is None else code)
