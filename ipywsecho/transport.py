"""A client connection that hands over frames as soon as they are parsed, and never for long.

`recv()` awaits three coroutines for each message, which costs about as much as parsing a small one.
Nothing of it is needed for a message that came whole in one frame with none waiting before it. All
others, the fragmented and the invalid ones, go the way of `recv()`.

One read from a socket may hold thousands of frames. Parsing them in one go would keep a cell, a
click and the view waiting, so it is done in slices, with a turn for everybody else in between.
"""

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode

from ipywsecho.pacing import Turn

__all__ = ["EagerConnection"]

SLICE = 2**14
"""How many bytes are parsed before looking at the time."""

_MESSAGE = (Opcode.TEXT, Opcode.BINARY)


class EagerConnection(ClientConnection):
    """A client connection that hands over frames as soon as they are parsed, and never for long.

    Attributes:
        deliver: Called with each message that need not be fetched, once it is set.
        ponged: Called when `latency` was measured, once it is set.
    """

    deliver: Callable[[str | bytes], object] | None = None
    ponged: Callable[[], object] | None = None
    _unfetched = 0
    _unparsed = b""

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
                    deliver(text)
                    return
            elif event.opcode is Opcode.BINARY:
                deliver(bytes(event.data))
                return
        opcode = getattr(event, "opcode", None)
        if opcode in _MESSAGE:
            self._unfetched += 1
        super().process_event(event)
        if opcode is Opcode.PONG and self.ponged is not None:
            self.ponged()

    # What the event loop calls.

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

    def _parse(self, data: bytes) -> None:
        turn = Turn()
        for start in range(0, len(data), SLICE):
            if start and turn.is_over():
                self._unparsed = data[start:]
                self.transport.pause_reading()
                self.loop.call_soon(self._parse_on)
                return
            super().data_received(data[start : start + SLICE])

    def _parse_on(self) -> None:
        data, self._unparsed = self._unparsed, b""
        self._parse(data)
        if not self._unparsed:
            self.transport.resume_reading()

    def _parse_all(self) -> None:
        if self._unparsed:
            data, self._unparsed = self._unparsed, b""
            super().data_received(data)
