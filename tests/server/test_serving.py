"""How a server takes its port, starts, ends and starts again, and what its sockets are like."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from ipywsecho import ConsoleError, EchoServer, NotRunningError, WebSocketConsole
from tests.clients import CLIENTS, DEADLINE
from tests.proactor import ProactorLoop


def _is_set(server: EchoServer, option: int) -> bool:
    assert server._socket is not None
    return bool(server._socket.getsockopt(socket.SOL_SOCKET, option))


async def test_a_port_can_be_taken_again_while_old_connections_linger() -> None:
    server = EchoServer()
    server.listen()

    assert _is_set(server, socket.SO_REUSEADDR)
    await server.close()


async def test_on_windows_no_other_program_can_take_the_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An option that this system has stands for the one that only Windows has.
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    server = EchoServer()
    server.listen()

    assert _is_set(server, socket.SO_EXCLUSIVEADDRUSE)  # type: ignore[attr-defined]
    assert not _is_set(server, socket.SO_REUSEADDR)
    await server.close()


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, ProactorLoop])
def test_small_frames_are_not_held_back(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def tell(connection: ServerConnection) -> None:
        accepted = connection.transport.get_extra_info("socket")
        await connection.send(str(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    async def talk() -> str | bytes:
        async with EchoServer(paths={"/": tell}) as server, connect(str(server.uri)) as client:
            return await client.recv()

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(talk()) == "1"


# Addresses


NOT_RUNNING = r"^this server is not running; await server\.start\(\) starts it$"


@pytest.mark.parametrize("has_run", [False, True])
async def test_a_server_that_is_not_running_has_no_address(has_run: bool) -> None:
    server = EchoServer()
    if has_run:
        await server.start()
        await server.close()

    for ask in (
        lambda: server.uri,
        lambda: server.host,
        lambda: server.uri_at("example.org"),
        lambda: WebSocketConsole(server.uri),
        lambda: f"{server.uri}/clock",
    ):
        with pytest.raises(NotRunningError, match=NOT_RUNNING) as raised:
            ask()
        assert isinstance(raised.value, ConsoleError)
        assert isinstance(raised.value, RuntimeError)


# Starting again


async def _echo(server: EchoServer) -> list[str | bytes]:
    return (await CLIENTS["aiohttp"](server.uri, "Hello!", count=1)).frames


async def test_a_closed_server_can_be_started_again() -> None:
    server = EchoServer()
    for _ in range(3):
        await server.start()
        assert await _echo(server) == ["Hello!"]
        await server.close()


async def test_a_server_with_a_given_port_starts_again_on_that_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = EchoServer(port=port)
    for _ in range(2):
        async with server:
            assert server.uri == f"ws://127.0.0.1:{port}"
            assert await _echo(server) == ["Hello!"]


async def test_clients_of_the_first_run_are_gone_in_the_second() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer(max_connections=1) as server:
        async with connect(server.uri) as client:
            await asyncio.gather(server.close(), client.wait_closed())
            await server.start()

        assert await _echo(server) == ["Hello!"]


async def test_a_server_that_is_closed_while_it_starts_can_be_started_again() -> None:
    server = EchoServer()
    starting = asyncio.ensure_future(server.start())
    # Runs until it listens.
    await asyncio.sleep(0)
    await server.close()
    await starting

    with pytest.raises(NotRunningError):
        assert server.uri
    async with server:
        assert await _echo(server) == ["Hello!"]


async def test_a_server_that_could_not_start_can_be_started_once_its_port_is_free() -> None:
    async with EchoServer() as other:
        server = EchoServer(port=int(other.uri.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            await server.start()

    async with server:
        assert await _echo(server) == ["Hello!"]


def test_a_server_starts_on_another_event_loop_once_the_first_is_gone() -> None:
    server = EchoServer()

    async def run() -> list[str | bytes]:
        await server.start()
        return await _echo(server)

    for _ in range(2):
        assert asyncio.run(run()) == ["Hello!"]
    server.abandon()


async def test_a_start_that_is_cancelled_after_a_close_leaves_nothing_that_listens() -> None:
    server = EchoServer()
    server.listen()
    port = int(server.uri.rpartition(":")[2])
    starting = asyncio.create_task(server.start())
    await asyncio.sleep(0)

    await server.close()
    starting.cancel()
    await asyncio.wait([starting])

    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


def test_a_server_whose_event_loop_is_gone_can_be_closed() -> None:
    server = EchoServer()
    asyncio.run(server.start())

    asyncio.run(server.close())

    with pytest.raises(NotRunningError):
        assert server.uri


async def test_a_connection_whose_handler_fails_at_another_one_is_closed_at_once() -> None:
    others: list[ServerConnection] = []

    async def tell_the_first(connection: ServerConnection) -> None:
        others.append(connection)
        async for message in connection:
            await others[0].wait_closed()
            await others[0].send(message)

    async with EchoServer(paths={"/": tell_the_first}) as server:
        first, second = await connect(server.uri), await connect(server.uri)
        await first.close()
        await second.send("Are you there?")
        # Behind this message, which nobody reads, lies whatever the client sends.
        await second.send("x" * 100_000)

        async with asyncio.timeout(DEADLINE):
            await second.wait_closed()

    assert second.close_code == 1011
    assert second.close_reason == "a connection that the handler uses was closed"
