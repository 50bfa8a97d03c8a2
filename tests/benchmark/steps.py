"""A frame's way, step by step; what a step does runs in the kernel that is measured.

Each of `STEPS` receives a flood as the one before it does, and does one thing more with each
frame, so that the difference between two is what that thing costs. `BLOCKS` are the same things
alone. A part that is new, such as a parser, is added to either.
"""

import asyncio
import time
import timeit
from collections.abc import Callable
from concurrent.futures import Future
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

from ipywsecho.connection import Connection, Parcel
from ipywsecho.connection.reading import MessageReader
from ipywsecho.frames import Control, Frame, FrameLog, Notice, Signal
from tests.benchmark.receivers import (
    HISTORY,
    HISTORY_BYTES,
    Cost,
    Receiver,
    Stopwatch,
    bare,
    kept,
    ours,
    ours_observed,
    with_session,
)

__all__ = ["BLOCKS", "STEPS", "block_seconds"]

_BATCH = 1_024
"""How many frames our reader yields at once."""


def _ignore(*_: object) -> None:
    pass


class _Reader(asyncio.Protocol):
    """Reads from a socket, and hands over what comes after the handshake.

    Attributes:
        handle: Is given what was read.
        complete: Is done once so many bytes have been read.
    """

    def __init__(self, awaited: int) -> None:
        self.shaken = asyncio.get_running_loop().create_future()
        self.complete = asyncio.get_running_loop().create_future()
        self.handle: Callable[[bytes], object] = _ignore
        self._awaited = awaited

    def data_received(self, data: bytes) -> None:
        if not self.shaken.done():
            self.shaken.set_result(data)
            return
        self.handle(data)
        self._awaited -= len(data)
        if self._awaited <= 0:
            self.complete.set_result(None)


async def _read(
    uri: str, count: int, size: int, handle: Callable[[ClientProtocol, bytes], object]
) -> Cost:
    """Read a flood with a protocol of asyncio's and nothing else."""
    address = urlsplit(uri)
    wire_size = len(WireFrame(Opcode.TEXT, bytes(size)).serialize(mask=False))
    transport, reader = await asyncio.get_running_loop().create_connection(
        lambda: _Reader(count * wire_size), address.hostname or "", address.port or 0
    )
    protocol = ClientProtocol(parse_uri(uri), max_size=None)

    def flush() -> None:
        transport.write(b"".join(protocol.data_to_send()))

    protocol.send_request(protocol.connect())
    flush()
    protocol.receive_data(await reader.shaken)
    protocol.events_received()
    reader.handle = lambda data: handle(protocol, data)
    watch = Stopwatch()
    protocol.send_text(f"{count} {size}".encode())
    flush()
    await reader.complete
    cost = watch.cost()
    transport.abort()
    return cost


async def read(uri: str, count: int, size: int) -> Cost:
    """Read from the socket, and do nothing with what was read."""
    return await _read(uri, count, size, _ignore)


async def parsed(uri: str, count: int, size: int) -> Cost:
    """Have websockets' own parser yield the frames, and keep their texts."""
    newest = kept(size)

    def handle(protocol: ClientProtocol, data: bytes) -> None:
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, WireFrame)
            newest.append(str(frame.data, "utf-8"))

    return await _read(uri, count, size, handle)


async def read_by_us(uri: str, count: int, size: int) -> Cost:
    """Have our reader yield the frames, a batch at a time, and keep them."""
    newest = kept(size)
    readers: list[MessageReader] = []

    def handle(protocol: ClientProtocol, data: bytes) -> None:
        if not readers:
            readers.append(MessageReader(protocol, max_size=None))
        [reader] = readers
        reader.feed(data)
        while reader.has_more:
            frames, _ = reader.read(_BATCH, time.time())
            newest.extend(frames)

    return await _read(uri, count, size, handle)


class _Listener:
    """Hands the frames that a connection tells of to a function, and ignores everything else."""

    def __init__(self, count: int, take: Callable[[list[Frame]], object]) -> None:
        self.complete = asyncio.get_running_loop().create_future()
        self._left = count
        self._take = take

    def received(self, frames: list[Frame]) -> None:
        self._take(frames)
        self._left -= len(frames)
        if not self._left:
            self.complete.set_result(None)

    def sent(self, frame: Frame) -> None:
        pass

    def controlled(self, control: Control) -> None:
        pass

    def noticed(self, notice: Notice) -> None:
        pass

    def changed(self) -> None:
        pass


async def _connected(
    uri: str, count: int, size: int, take: Callable[[list[Frame]], object]
) -> Cost:
    listener = _Listener(count, take)
    options = {"compression": None, "max_size": None}
    connection = Connection(uri, listener, reconnect=None, options=options)
    await connection.open()
    watch = Stopwatch()
    connection.send(Parcel(f"{count} {size}", Future()))
    await listener.complete
    cost = watch.cost()
    await connection.close()
    return cost


async def connected(uri: str, count: int, size: int) -> Cost:
    """Have our connection, with its link, hand over the frames, and keep them."""
    return await _connected(uri, count, size, kept(size).extend)


async def logged(uri: str, count: int, size: int) -> Cost:
    """Keep the frames in a log."""
    return await _connected(uri, count, size, FrameLog(HISTORY, HISTORY_BYTES).extend)


async def paused(uri: str, count: int, size: int) -> Cost:
    """Receive with a console that has no observer and shows nothing."""
    return await ours(uri, count, size, is_paused=True)


STEPS: dict[str, tuple[Receiver, str]] = {
    "reading from the socket": (read, ""),
    "+ websockets' Sans-I/O parser, into a deque": (parsed, "reading from the socket"),
    "bare websockets, into a deque": (bare, "reading from the socket"),
    "+ our reader, into a deque": (read_by_us, "reading from the socket"),
    "+ link and connection": (connected, "+ our reader, into a deque"),
    "+ log": (logged, "+ link and connection"),
    "+ session": (with_session, "+ log"),
    "+ widget, without view or observer": (paused, "+ session"),
    "+ view": (ours, "+ widget, without view or observer"),
    "+ observer": (ours_observed, "+ view"),
}
"""How a frame is received, and the step that each one adds to."""


def _decode() -> Callable[[], object]:
    payload = b"." * 32
    return lambda: str(payload, "utf-8")


def _append() -> Callable[[], object]:
    log, frame = FrameLog(HISTORY, HISTORY_BYTES), Frame("." * 32, 0.0)
    return lambda: log.append(frame)


def _append_and_look() -> Callable[[], object]:
    log, frame = FrameLog(HISTORY, HISTORY_BYTES), Frame("." * 32, 0.0)

    def append_and_look() -> None:
        log.append(frame)
        log.frames  # noqa: B018

    return append_and_look


BLOCKS: dict[str, Callable[[], Callable[[], object]]] = {
    "calling a function": lambda: lambda: None,
    "str(payload, 'utf-8')": _decode,
    "time.time()": lambda: time.time,
    "Frame(data, time, False, size)": lambda: lambda: Frame("." * 32, 0.0, False, 32),
    "FrameLog.append(frame)": _append,
    "FrameLog.append(frame), then FrameLog.frames": _append_and_look,
    "Signal.notify(), without a waiter": lambda: Signal().notify,
}
"""What is done for each frame, alone."""


def block_seconds(name: str) -> float:
    """Return the seconds that a block takes, of many calls."""
    calls = 100_000
    return timeit.timeit(BLOCKS[name](), number=calls) / calls
