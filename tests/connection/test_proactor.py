"""A connection on an event loop like that of Windows."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ipywsecho.connection.states import State
from ipywsecho.errors import ConnectError
from ipywsecho.server import EchoServer
from tests.connection import test_pressure as pressure
from tests.connection.test_connection import DEADLINE, connection_to, send
from tests.peer import frame, peer, shake_hands, together
from tests.proactor import ProactorLoop

TEXT, CLOSE = 0x81, 0x88


def run(behaviour: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(DEADLINE):
            await behaviour()

    with asyncio.Runner(loop_factory=ProactorLoop) as runner:
        runner.run(in_time())


def test_text_and_bytes_are_echoed_unchanged() -> None:
    sent = ["Hello!", "ünïcödé ☃ 🐍", "", b"\x00\xff", b"", "x" * 200_000, bytes(3_000_000)]

    async def talk() -> None:
        async with EchoServer() as server:
            connection, witness = connection_to(str(server.uri), max_size=None)
            await connection.open()
            for data in sent:
                await send(connection, data)
            await witness.until(lambda: len(witness.frames) == len(sent))
            await connection.close()

        received = [frame.data for frame in witness.frames]
        assert received == sent
        assert [type(data) for data in received] == [type(data) for data in sent]
        assert connection.close_code == 1000

    run(talk)


@pytest.mark.parametrize("is_closed", [True, False])
def test_no_frame_of_a_flood_is_lost_at_its_end(is_closed: bool) -> None:
    # Much more than one read, so that reading is paused during a read.
    count = 50_000
    flood = b"".join(frame(TEXT, b"%d" % number) for number in range(count))
    end = frame(CLOSE, (1000).to_bytes(2)) if is_closed else b""

    async def receive() -> None:
        async with peer(together(shake_hands, flood + end, is_over=True)) as uri:
            connection, witness = connection_to(uri, compression=None)
            await connection.open()
            await witness.until(lambda: connection.state is State.CLOSED)

        assert [int(frame.data) for frame in witness.frames] == list(range(count))
        assert connection.close_code == (1000 if is_closed else 1006)

    run(receive)


def test_missing_unix_sockets_are_reported() -> None:
    async def connect() -> None:
        connection, _ = connection_to("ws://localhost/", unix=True, path="echo.socket")
        with pytest.raises(ConnectError, match=r"this system has no Unix sockets .+unix=True"):
            await connection.open()

    run(connect)


@pytest.mark.parametrize(
    "behaviour",
    [
        pressure.test_memory_is_bounded_while_messages_wait_to_be_handled,
        pressure.test_memory_is_bounded_while_fragments_wait_to_be_handled,
        pressure.test_a_close_frame_after_megabytes_reaches_a_peer_that_reads_late,
        pressure.test_closing_after_megabytes_cuts_off_a_peer_that_reads_nothing,
    ],
)
def test_pressure_is_handled_as_on_other_systems(
    behaviour: Callable[[], Awaitable[None]],
) -> None:
    run(behaviour)
