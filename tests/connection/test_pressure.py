"""Peers that send more than can be handled, or read less than is sent: turns, memory and closing.

Both ends are sockets of this process, so a test knows what is in the buffers of the system.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from websockets.frames import Frame as RawFrame
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side

from ipywsecho.connection.connection import Connection
from ipywsecho.connection.states import State
from ipywsecho.errors import NotConnectedError
from ipywsecho.frames import Frame
from tests.connection.test_connection import DEADLINE, Witness, connection_to, send
from tests.peer import frame, shake_hands

TEXT, TEXT_BEGINS, TEXT_ENDS = 0x81, 0x01, 0x80


class Link(NamedTuple):
    """An open connection, the witness of its reports, and its peer."""

    connection: Connection
    witness: Witness
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def unsent(self) -> int:
        """How many bytes the peer has written but the system has not taken yet."""
        return self.writer.transport.get_write_buffer_size()


@asynccontextmanager
async def linked(
    *, buffer: int, received: Callable[[Frame], None] = lambda _: None, **options: Any
) -> AsyncIterator[Link]:
    """Connect to a peer that sends and reads only what the test tells it to.

    Args:
        buffer: About how many bytes the system buffers for each side.
        received: Called with each frame.
        options: Those of the connection.
    """
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    reader, writer = await asyncio.open_connection(sock=theirs)
    options = {"sock": ours, "compression": None, "ping_interval": None} | options
    connection, witness = connection_to("ws://localhost/", **options)
    keep = witness.received

    def receive(frames: list[Frame]) -> None:
        for each in frames:
            received(each)
        keep(frames)

    witness.received = receive  # type: ignore[method-assign]
    try:
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(connection.open(), shake_hands(reader, writer))
            yield Link(connection, witness, reader, writer)
    finally:
        writer.transport.abort()
        await connection.close()


async def test_other_tasks_run_during_a_long_read() -> None:
    count, turn = 100_000, 0
    taken: Counter[int] = Counter()

    async def take_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def note(_: Frame) -> None:
        taken[turn] += 1

    async with linked(buffer=2**20, received=note) as link:
        others = asyncio.ensure_future(take_turns())
        link.writer.write(frame(TEXT) * count)
        assert link.unsent == 0, "all of it is there to be read at once"
        await link.witness.until(lambda: taken.total() == count)
        others.cancel()

    assert max(taken.values()) < count / 2


async def test_memory_is_bounded_while_messages_wait_to_be_handled() -> None:
    await _assert_memory_is_bounded(frame(TEXT, bytes(100)))


async def test_memory_is_bounded_while_fragments_wait_to_be_handled() -> None:
    await _assert_memory_is_bounded(frame(TEXT_BEGINS, bytes(50)) + frame(TEXT_ENDS, bytes(50)))


async def _assert_memory_is_bounded(message: bytes) -> None:
    """Receive much more than can be handled, and assert that little of it is held in memory."""
    count = 20_000
    size = count * len(message)
    held: list[int] = []

    def take_long(_: Frame) -> None:
        # Much longer than it takes to read a frame.
        sum(range(2_500))
        read = size - link.unsent
        held.append(read - len(held) * len(message))

    async with linked(buffer=2**17, received=take_long) as link:
        link.writer.write(message * count)
        await link.witness.until(lambda: len(held) == count)

    # This includes what is in the buffers of the system.
    assert max(held) < size / 2


async def test_a_close_frame_after_megabytes_reaches_a_peer_that_reads_late() -> None:
    data = bytes(8_000_000)

    async with linked(buffer=2**17, close_timeout=DEADLINE) as link:
        sending = send(link.connection, data)
        begin = await link.reader.read(1)
        closing = asyncio.ensure_future(link.connection.close(4321, "ciao"))
        await link.witness.until(lambda: link.connection.state is State.CLOSING)
        heard = await _heard(begin, link.reader, link.writer)
        await closing
        await asyncio.wait([sending])

    assert [each.opcode for each in heard] == [Opcode.BINARY, Opcode.CLOSE]
    assert heard[0].data == data
    assert heard[1].data == (4321).to_bytes(2) + b"ciao"
    assert link.connection.close_code == 4321


async def _heard(
    begin: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> list[RawFrame]:
    """Read and answer as a server does, and return the frames until the end."""
    protocol = Protocol(Side.SERVER, max_size=None)
    data, frames = begin, []
    while data:
        protocol.receive_data(data)
        frames += [each for each in protocol.events_received() if isinstance(each, RawFrame)]
        for answer in protocol.data_to_send():
            if answer:
                writer.write(answer)
            else:
                writer.write_eof()
        data = await reader.read(2**16)
    return frames


async def test_closing_after_megabytes_cuts_off_a_peer_that_reads_nothing() -> None:
    data = bytes(8_000_000)

    async with linked(buffer=2**17, close_timeout=0.05) as link:
        sending = send(link.connection, data)
        await link.reader.read(1)
        await link.connection.close()
        rest = await link.reader.read()
        with pytest.raises(NotConnectedError):
            await sending

    assert link.connection.state is State.CLOSED
    assert len(rest) < len(data)
