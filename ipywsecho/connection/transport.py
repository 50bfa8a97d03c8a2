"""A client connection that hands over frames as soon as they are parsed, and never for long.

`recv()` awaits three coroutines for each message, which costs about as much as parsing a small one.
Nothing of it is needed for a message that came whole in one frame with none waiting before it. All
others, the fragmented and the invalid ones, go the way of `recv()`.

One read from a socket may hold thousands of frames. Parsing them in one go would keep a cell, a
click and the view waiting, so it is done in slices, with a turn for everybody else in between.
"""

from asyncio import TimerHandle
from collections.abc import Callable
from time import monotonic
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode
from websockets.protocol import SEND_EOF

__all__ = ["EagerConnection"]

SMALLEST, LARGEST = 2**13, 2**18
"""How many bytes are parsed at least and at most before looking at the time."""

SHORT, LONG = 0.001, 0.003
"""Seconds that parsing so many bytes should take; else the next slice is longer or shorter."""

TURN = 0.005
"""Seconds after which others have their turn."""

_MESSAGE = (Opcode.TEXT, Opcode.BINARY)
_PONG = bytes([0x80 | Opcode.PONG])


class EagerConnection(ClientConnection):
    """A client connection that hands over frames as soon as they are parsed, and never for long.

    Attributes:
        deliver: Called with each message that need not be fetched, and its size in bytes, once it
            is set.
        ponged: Called when `latency` was measured, once it is set.
    """

    deliver: Callable[[str | bytes, int], object] | None = None
    ponged: Callable[[], object] | None = None
    _unfetched = 0
    _unparsed = b""
    _slice = SMALLEST
    _cut: TimerHandle | None = None
    _pong = b""

    async def fetch(self) -> str | bytes:
        """Return the next message that was not handed over.

        Raises:
            ConnectionClosed: If the connection is closed, which is how one learns of its end.
        """
        message = await self.recv()
        self._unfetched -= 1
        return message

    # What websockets calls for each frame.

    def process_event(self, event: Any) -> None:
        """Hand over a message that is complete, or leave it to `recv()`."""
        deliver = self.deliver
        if deliver is not None and not self._unfetched and event.fin:
            if event.opcode is Opcode.TEXT:
                try:
                    text = str(event.data, "utf-8")
                except UnicodeDecodeError:
                    # recv() fails the connection as it must be (RFC 6455, section 8.1).
                    pass
                else:
                    deliver(text, len(event.data))
                    return
            elif event.opcode is Opcode.BINARY:
                deliver(bytes(event.data), len(event.data))
                return
        opcode = getattr(event, "opcode", None)
        if opcode in _MESSAGE:
            self._unfetched += 1
        super().process_event(event)
        if opcode is Opcode.PONG and self.ponged is not None:
            self.ponged()

    # What websockets calls to send what waits.

    def send_data(self) -> None:
        """Send what waits, but of the pongs only the newest while the network takes no more.

        Whoever pings without reading the pongs would otherwise fill the memory with them; the
        newest answers for all (RFC 6455, section 5.5.3).
        """
        writes = self.protocol.writes
        if self.transport.is_closing():
            writes.clear()
        elif self.paused:
            for pong in filter(_is_pong, writes):
                self._pong = pong
            writes[:] = (data for data in writes if not _is_pong(data))
        if len(writes) > 1:
            # At once, as asyncio prints a warning for each further write to a connection that is
            # lost. The end, if it is among them, is the last of them and empty.
            writes[:] = [b"".join(writes), *([SEND_EOF] if writes[-1] == SEND_EOF else [])]
        super().send_data()

    # What the event loop calls.

    def resume_writing(self) -> None:
        """Send the pong that was held back."""
        super().resume_writing()
        if self._pong:
            self.transport.write(self._pong)
            self._pong = b""

    def data_received(self, data: bytes) -> None:
        """Parse what was read, or as much as fits in a turn."""
        if self._unparsed:
            self._unparsed += data
        else:
            self._parse(data)

    def eof_received(self) -> None:
        """Parse what is left before the end."""
        self._parse_all()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Parse what is left before the end."""
        self._parse_all()
        super().connection_lost(exc)
        if self._cut is not None:
            self._cut.cancel()

    def _parse(self, data: bytes) -> None:
        parsed = 0
        begun = now = monotonic()
        while parsed < len(data):
            if parsed and now - begun > TURN:
                self._unparsed = data[parsed:]
                self.transport.pause_reading()
                self.loop.call_soon(self._parse_on)
                return
            size = self._slice
            super().data_received(data[parsed : parsed + size])
            parsed += size
            if self.close_deadline is not None and self._cut is None:
                # A client leaves it to the server to end the connection after a close frame
                # (RFC 6455, section 7.1.1), and websockets waits for that without a limit.
                self._cut = self.loop.call_at(self.close_deadline, self.transport.abort)
            before, now = now, monotonic()
            # What costs is frames and not bytes, and how many there are shows only now.
            if now - before < SHORT:
                self._slice = min(size * 2, LARGEST)
            elif now - before > LONG:
                self._slice = max(size // 2, SMALLEST)

    def _parse_on(self) -> None:
        data, self._unparsed = self._unparsed, b""
        self._parse(data)
        if not self._unparsed:
            self.transport.resume_reading()

    def _parse_all(self) -> None:
        if self._unparsed:
            data, self._unparsed = self._unparsed, b""
            super().data_received(data)


def _is_pong(data: bytes) -> bool:
    return data.startswith(_PONG)
