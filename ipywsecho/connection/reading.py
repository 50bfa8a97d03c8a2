"""Messages out of the bytes that a server sends: the quick way where it is sure, websockets' else.

Nearly every frame is a whole message: text or bytes, unfragmented and uncompressed. Such a frame is
read straight from the buffer, which takes a tenth of the time of a parser that can read all frames.
All other frames, the invalid ones included, go byte by byte to websockets' parser, which decides
what they mean. A frame goes one way or the other as a whole, so that each always begins where the
other one stopped.
"""

from collections import deque
from typing import TYPE_CHECKING

from ipywsecho.frames import Control, Frame

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

__all__ = ["MAX_FRAGMENTS", "MAX_SIZE", "MessageReader"]

MAX_SIZE = 2**20
"""Largest message in bytes, unless another limit is given: that of websockets."""

MAX_FRAGMENTS = 4096
"""Most fragments in a message; empty ones would otherwise take memory without a limit."""

_TEXT, _BINARY, _CONTINUATION = 0x1, 0x2, 0x0
_WHOLE_TEXT, _WHOLE_BINARY = 0x81, 0x82
_MASKED = 0x80
_UNLIMITED = 2**63
_HEADER_SIZES = {126: 4, 127: 10}
_DEFLATE = "permessage-deflate"
_INVALID_DATA, _TOO_BIG = 1007, 1009


class MessageReader:
    """Reads messages and control frames from the bytes of a connection.

    Args:
        protocol: The connection after its opening handshake; its own parser reads what is not read
            here, and answers pings and close frames.
        max_size: Largest message in bytes; `None` for no limit. A pair limits messages and
            fragments (RFC 6455, section 10.4).
    """

    def __init__(
        self,
        protocol: "ClientProtocol",
        *,
        max_size: int | tuple[int | None, int | None] | None = MAX_SIZE,
    ) -> None:
        self._protocol = protocol
        limits = max_size if isinstance(max_size, tuple) else (max_size,)
        self._largest = min((limit for limit in limits if limit is not None), default=_UNLIMITED)
        # Other extensions may change any frame.
        self._is_quick = all(each.name == _DEFLATE for each in protocol.extensions)
        self._queue: deque[tuple[bytes, int]] = deque()
        self._data = b""
        self._at = 0
        # What has come of a long frame that is not complete, and how much of it is missing.
        self._parts: list[bytes] = []
        self._missing = 0
        # Of a frame that websockets reads: its header as far as it has come, and what is to follow.
        self._header = bytearray()
        self._remaining = 0
        self._fragments: list[bytes] = []
        self._is_text = False
        self._is_over = False

    def feed(self, data: bytes) -> None:
        """Add bytes that have come from the network."""
        self._queue.append((data, 0))
        self._advance()

    @property
    def has_more(self) -> bool:
        """Whether there are bytes that `read` has not looked at."""
        return self._at < len(self._data)

    def read(self, most: int, time: float) -> tuple[list[Frame], Control | None]:
        """Read on, up to a number of messages or to the next control frame.

        Args:
            most: How many messages are read at most.
            time: When they came, in seconds since the epoch.

        Returns:
            The messages, and what came after them: a control frame, or how the last message was
            fragmented.
        """
        frames: list[Frame] = []
        control = None
        # Fragments cost as much as messages.
        slow = 0
        while self.has_more and len(frames) + slow < most and control is None:
            is_slow = self._header or self._is_over or self._fragments or not self._is_quick
            if is_slow or not self._read_quickly(frames, most - len(frames) - slow, time):
                control = self._read_slowly(frames, time)
                slow += 1
            self._advance()
        return frames, control

    def drop(self) -> None:
        """Forget what has not been read."""
        self._parts.clear()
        self._queue.clear()
        self._missing = 0
        self._data, self._at = b"", 0

    def end(self) -> None:
        """Tell websockets' parser that nothing follows; an incomplete frame is an error."""
        waiting = (data[start:] for data, start in self._queue)
        rest = b"".join((*self._parts, self._data[self._at :], *waiting))
        self.drop()
        if rest:
            self._protocol.receive_data(rest)
        self._protocol.receive_eof()

    def _advance(self) -> None:
        """Take the next bytes that have come, once those before them are read."""
        while self._queue and self._at >= len(self._data):
            data, start = self._queue.popleft()
            come = len(data) - start
            if not self._parts:
                self._data, self._at = data, start
            elif come < self._missing:
                self._parts.append(data[start:])
                self._missing -= come
            else:
                # Only what was missing, as a copy of all that came would take as long as reading.
                stop = start + self._missing
                self._parts.append(data[start:stop])
                self._data, self._at = b"".join(self._parts), 0
                self._parts.clear()
                self._missing = 0
                self._queue.appendleft((data, stop))

    def _read_quickly(self, frames: list[Frame], most: int, time: float) -> bool:
        """Read frames that are whole messages; tell whether no other frame stopped it."""
        data, at, largest = self._data, self._at, self._largest
        end, append, make = len(data), frames.append, tuple.__new__
        for _ in range(most):
            stop = at + 2
            if stop > end:
                break
            first, size = data[at], data[at + 1]
            start = stop
            if size > 125:
                start = at + _HEADER_SIZES.get(size, 0)
                if start < at + 2:
                    self._at = at
                    return False
                if start > end:
                    stop = start
                    break
                size = int.from_bytes(data[at + 2 : start])
            stop = start + size
            if (first != _WHOLE_TEXT and first != _WHOLE_BINARY) or size > largest:
                self._at = at
                return False
            if stop > end:
                break
            payload: str | bytes = data[start:stop]
            if first == _WHOLE_TEXT:
                try:
                    payload = payload.decode()  # type: ignore[union-attr]
                except UnicodeDecodeError:
                    self._at = at
                    return False
            append(make(Frame, (payload, time, False, size)))
            at = stop
        else:
            self._at = at
            return True
        if at < end:
            self._wait_for(at, stop)
        else:
            self._at = at
        return True

    def _wait_for(self, at: int, stop: int) -> None:
        """Keep the bytes from `at` on until those up to `stop` are there."""
        part = self._data[at:]
        self._parts = [part]
        self._missing = stop - at - len(part)
        self._data, self._at = b"", 0

    def _read_slowly(self, frames: list[Frame], time: float) -> Control | None:
        """Have websockets read one frame, or as much of it as has come."""
        if self._is_over:
            # What follows a close frame or an error is discarded by websockets (section 7.1.7).
            self._feed_parser(len(self._data) - self._at)
            return None
        while self.has_more:
            if self._feed_frame():
                return self._take_event(frames, time)
        return None

    def _feed_frame(self) -> bool:
        """Feed the next part of a frame to websockets' parser; tell whether the frame is done."""
        header = self._header
        if self._remaining:
            self._remaining -= self._feed_parser(self._remaining)
        else:
            start = self._at
            self._feed_parser(_header_size(header) - len(header))
            header += self._data[start : self._at]
            if len(header) < _header_size(header):
                return self._is_over
            self._remaining = _payload_size(header)
        if self._remaining and not self._is_over:
            return False
        header.clear()
        return True

    def _feed_parser(self, size: int) -> int:
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        protocol = self._protocol
        protocol.receive_data(piece)
        self._is_over = (
            self._is_over or protocol.parser_exc is not None or protocol.close_rcvd is not None
        )
        return len(piece)

    def _take_event(self, frames: list[Frame], time: float) -> Control | None:
        """Return what the frame was that websockets has read; a message goes to the others."""
        for event in self._protocol.events_received():
            opcode, data = int(event.opcode), bytes(event.data)  # type: ignore[union-attr]
            if opcode > _BINARY:
                return Control(time, opcode, data)
            if opcode != _CONTINUATION:
                self._is_text = opcode == _TEXT
            self._fragments.append(data)
            if event.fin:  # type: ignore[union-attr]
                return self._complete(frames, time)
            if len(self._fragments) >= MAX_FRAGMENTS:
                self._fail(_TOO_BIG, "too many fragments")
        return None

    def _complete(self, frames: list[Frame], time: float) -> Control | None:
        count, data = len(self._fragments), b"".join(self._fragments)
        self._fragments.clear()
        try:
            payload = str(data, "utf-8") if self._is_text else data
        except UnicodeDecodeError as exc:
            self._fail(_INVALID_DATA, f"{exc.reason} at position {exc.start}")
            return None
        frames.append(Frame(payload, time, False, len(data)))
        return Control(time, _CONTINUATION, fragments=count) if count > 1 else None

    def _fail(self, code: int, reason: str) -> None:
        self._is_over = True
        self._fragments.clear()
        self._protocol.fail(code, reason)


def _header_size(header: bytearray) -> int:
    """Return how long the header of a frame is, as far as it is known (RFC 6455, section 5.2)."""
    if len(header) < 2:
        return 2
    return 2 + {126: 2, 127: 8}.get(header[1] & 0x7F, 0)


def _payload_size(header: bytearray) -> int:
    return int.from_bytes(header[2:]) if len(header) > 2 else header[1] & 0x7F
