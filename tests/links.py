"""A server at the other end of a link inside the process, and a receiver that records messages."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from ipywsecho.connection.link import Traffic
from ipywsecho.connection.memory import MemoryDialing, MemoryTransport
from ipywsecho.connection.wire import WireLink
from ipywsecho.frames import Control, Frame

__all__ = ["URI", "Server", "Taker", "end_of", "link_to", "wire"]

URI = "ws://memory.invalid/"


def wire(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """Return the bytes of a frame from a server."""
    return WireFrame(opcode, data, fin).serialize(mask=False)


class Server(asyncio.Protocol):
    """A server that accepts the handshake, records frames, and acts as a test tells it to.

    Args:
        greeting: Bytes that are sent together with the response to the handshake.
        cut: Where response and greeting are cut in two pieces.
        subprotocols: The subprotocols that it accepts.
        answers: Whether it answers pings and close frames.

    Attributes:
        frames: The frames that have arrived.
        is_gone: Done when the connection is lost.
    """

    transport: MemoryTransport

    def __init__(
        self,
        greeting: bytes = b"",
        *,
        cut: int | None = None,
        subprotocols: Sequence[str] = (),
        answers: bool = True,
    ) -> None:
        self._protocol = ServerProtocol(subprotocols=list(subprotocols) or None, max_size=None)  # type: ignore[arg-type]
        self._greeting = greeting
        self._cut = cut
        self._answers = answers
        self.frames: list[WireFrame] = []
        self.heard: Callable[[WireFrame], object] = lambda _: None
        self.is_gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def write(self, *pieces: bytes) -> None:
        """Send bytes, each piece in a separate read."""
        for piece in pieces:
            self.transport.write(piece)

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake."""
        self._protocol.send_close(code, reason)
        self._flush()

    def payloads(self, opcode: Opcode) -> list[bytes]:
        """Return the payloads of the frames with an opcode."""
        return [bytes(frame.data) for frame in self.frames if frame.opcode is opcode]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("MemoryTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._accept(event)
            else:
                assert isinstance(event, WireFrame)
                self.frames.append(event)
                self.heard(event)
        self._flush()

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.is_gone.done():
            self.is_gone.set_result(None)

    def _accept(self, request: Request) -> None:
        self._protocol.send_response(self._protocol.accept(request))
        piece = b"".join(self._protocol.data_to_send()) + self._greeting
        if self._cut is None:
            self.transport.write(piece)
            return
        cut = self._cut % len(piece)
        self.transport.write(piece[:cut])
        # In a separate read.
        asyncio.get_running_loop().call_later(0.001, self.transport.write, piece[cut:])

    def _flush(self) -> None:
        if self._protocol.state is State.CONNECTING:
            return
        for data in self._protocol.data_to_send():
            if not self._answers and (not data or data[0] in (0x88, 0x8A)):
                continue
            if data:
                self.transport.write(data)
            else:
                self.transport.close()


class Taker:
    """Records what arrives over a link.

    Args:
        take: Called with each message.
    """

    def __init__(self, take: Callable[[Frame], object] = lambda _: None) -> None:
        self._take = take
        self.frames: list[Frame] = []
        self.batches: list[int] = []
        self.controls: list[Control] = []
        self.latencies: list[float] = []
        self._happened = asyncio.Event()

    @property
    def data(self) -> list[str | bytes]:
        """The payloads of the messages."""
        return [frame.data for frame in self.frames]

    def received(self, frames: list[Frame]) -> None:
        self.batches.append(len(frames))
        for frame in frames:
            self.frames.append(frame)
            self._take(frame)
        self._happened.set()

    def controlled(self, control: Control) -> None:
        self.controls.append(control._replace(time=0.0))
        self._happened.set()

    def measured(self, seconds: float) -> None:
        self.latencies.append(seconds)
        self._happened.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until a condition holds; it is checked whenever something has arrived."""
        async with asyncio.timeout(1_000):
            while not holds():
                self._happened.clear()
                await self._happened.wait()


async def link_to(server: Server, *, traffic: Traffic | None = None, **options: Any) -> WireLink:
    """Return an open link to a server that hands over no messages yet."""
    dialing = MemoryDialing(
        URI,
        options,
        traffic=traffic or Traffic(),
        clock=asyncio.get_running_loop().time,
        accept=lambda: server,
    )
    return await dialing.link()


async def end_of(link: WireLink) -> ConnectionClosed:
    """Wait for the end of a link, and return it."""
    return await asyncio.shield(link.ended)
