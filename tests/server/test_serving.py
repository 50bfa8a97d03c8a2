"""How a server takes its port, and what it does to the sockets that it accepts."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from ipywsecho.server import EchoServer
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
