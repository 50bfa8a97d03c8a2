"""Transports inside the process, which behave like those of a TCP connection."""

import asyncio
from typing import Any, cast

import pytest

from ipywsecho.connection.memory import CAPACITY, MemoryTransport, connect_in_memory
from tests.virtual import virtual_time


class End(asyncio.Protocol):
    """Records the calls it receives."""

    transport: MemoryTransport

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.told: list[str] = []
        self.data = b""
        self.largest = 0
        self._keeps_open = keeps_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("MemoryTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.largest = max(self.largest, len(data))

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self._keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(f"lost {exc}")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class BufferedEnd(asyncio.BufferedProtocol):
    """Records what is read into its buffer, which has room for four bytes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._buffer = bytearray()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        self._buffer = bytearray(4)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.pieces.append(bytes(self._buffer[:nbytes]))


def pair(**options: Any) -> tuple[End, End]:
    near, far = End(), End(**options)
    connect_in_memory(near, far)
    return near, far


@virtual_time
async def test_one_end_receives_what_the_other_writes() -> None:
    near, far = pair()

    near.transport.write(b"one")
    near.transport.write(b"two")
    far.transport.write(b"back")
    await asyncio.sleep(0.1)

    assert (near.data, far.data) == (b"back", b"onetwo")
    assert near.told == far.told == []


@virtual_time
async def test_data_does_not_arrive_during_the_write() -> None:
    near, far = pair()

    near.transport.write(b"one")

    assert far.data == b""
    assert near.transport.get_write_buffer_size() == 0
    await asyncio.sleep(0.1)
    assert far.data == b"one"


@virtual_time
async def test_large_data_arrives_in_pieces() -> None:
    near, far = pair()

    near.transport.write(bytes(3 * CAPACITY + 1))
    await asyncio.sleep(0.1)

    assert len(far.data) == 3 * CAPACITY + 1
    assert far.largest == CAPACITY


@virtual_time
async def test_a_writer_is_paused_above_the_high_mark_and_resumed_at_the_low_mark() -> None:
    near, far = pair()
    near.transport.set_write_buffer_limits(high=100, low=10)
    far.transport.pause_reading()

    near.transport.write(bytes(CAPACITY + 100))
    assert near.told == []
    assert near.transport.get_write_buffer_size() == 100
    near.transport.write(bytes(1))
    near.transport.write(bytes(1))
    await asyncio.sleep(0.1)
    assert near.told == ["pause"]
    assert not far.transport.is_reading()
    far.transport.resume_reading()
    await asyncio.sleep(0.1)

    assert near.told == ["pause", "resume"]
    assert len(far.data) == CAPACITY + 102


@virtual_time
async def test_closing_delivers_written_data_and_ends_both_sides() -> None:
    near, far = pair()

    near.transport.write(b"last")
    near.transport.close()
    near.transport.write(b"too late")
    await asyncio.sleep(0.1)

    assert far.data == b"last"
    assert near.told == ["lost None"]
    assert far.told == ["eof", "lost None"]
    assert near.transport.is_closing()


@virtual_time
async def test_a_half_closed_end_continues_to_read() -> None:
    near, far = pair(keeps_open=True)

    assert near.transport.can_write_eof()
    near.transport.write_eof()
    near.transport.write(b"too late")
    await asyncio.sleep(0.1)
    far.transport.write(b"still here")
    await asyncio.sleep(0.1)

    assert far.told == ["eof"]
    assert (near.data, far.data) == (b"still here", b"")
    near.transport.abort()
    await asyncio.sleep(0.1)


@virtual_time
async def test_aborting_discards_what_waits_but_not_what_is_on_its_way() -> None:
    near, far = pair()
    near.transport.set_write_buffer_limits(high=100)
    far.transport.pause_reading()
    near.transport.write(bytes(CAPACITY + 1_000))

    near.transport.abort()
    near.transport.abort()
    await asyncio.sleep(0.1)
    assert near.told == ["pause", "lost None"]
    far.transport.resume_reading()
    await asyncio.sleep(0.1)

    assert len(far.data) == CAPACITY
    assert far.told == ["eof", "lost None"]


@virtual_time
async def test_closing_waits_until_there_is_room_for_what_was_written() -> None:
    near, far = pair()
    far.transport.pause_reading()
    near.transport.write(bytes(CAPACITY + 1))

    near.transport.close()
    await asyncio.sleep(1_000)
    assert near.told == []
    far.transport.resume_reading()
    await asyncio.sleep(0.1)

    assert len(far.data) == CAPACITY + 1
    assert near.told == ["lost None"]


@virtual_time
async def test_an_end_that_waits_to_send_is_reset_when_the_other_one_is_gone() -> None:
    near, far = pair()
    near.transport.set_write_buffer_limits(high=100)
    far.transport.pause_reading()
    near.transport.write(bytes(CAPACITY + 1_000))

    far.transport.abort()
    await asyncio.sleep(0.1)

    assert far.told == ["lost None"]
    assert near.told == ["pause", "eof", "lost [Errno 104] the other end is gone"]


@virtual_time
async def test_what_is_written_to_an_end_that_is_gone_is_dropped() -> None:
    near, far = pair(keeps_open=True)
    near.transport.abort()
    await asyncio.sleep(0.1)

    far.transport.write(bytes(2 * CAPACITY))
    await asyncio.sleep(0.1)

    assert far.told == ["eof"]
    assert far.transport.get_write_buffer_size() == 0


@virtual_time
async def test_a_buffered_protocol_gets_no_more_than_its_buffer_holds() -> None:
    near, far = End(), BufferedEnd()
    connect_in_memory(near, far)

    near.transport.write(bytes(range(10)))
    near.transport.close()
    await asyncio.sleep(0.1)

    assert far.pieces == [bytes(range(4)), bytes(range(4, 8)), bytes(range(8, 10))]


@virtual_time
async def test_the_protocol_can_be_replaced() -> None:
    near, far = pair()
    other = End()

    far.transport.set_protocol(other)
    near.transport.write(b"for the other")
    await asyncio.sleep(0.1)

    assert (far.data, other.data) == (b"", b"for the other")
    assert far.transport.get_protocol() is other
    assert far.transport.get_extra_info("socket", "none") == "none"


@pytest.mark.parametrize("high", [None, 8])
@virtual_time
async def test_limits_have_defaults(high: int | None) -> None:
    near, far = pair()
    far.transport.pause_reading()

    near.transport.set_write_buffer_limits(high)
    near.transport.write(bytes(CAPACITY + (2**16 if high is None else 8)))
    before = list(near.told)
    near.transport.write(bytes(1))

    assert (before, near.told) == ([], ["pause"])
    near.transport.abort()
    await asyncio.sleep(0.1)
