"""How large the messages are that a client is sending, known before they have arrived.

Only the headers of frames are looked at (RFC 6455, section 5.2); websockets parses the frames.
"""

__all__ = ["MOST_FRAGMENTS", "Framing"]

MOST_FRAGMENTS = 4096
"""Fragments that a message may have."""

# What an object for a fragment takes, beside its payload.
_FRAGMENT_COST = 512
_FIN, _OPCODE, _LENGTH, _MASKED = 0x80, 0x0F, 0x7F, 0x80
_FIRST_CONTROL_OPCODE = 8

# Bytes of the length that follow the second one of a header (RFC 6455, section 5.2).
_EXTRA = {126: 2, 127: 8}


class Framing:
    """The position in a stream of frames.

    Attributes:
        completed: How many messages have passed completely.
        length: Bytes of the payload of the current frame.
        size: Bytes of the current message so far: of its payload, and for each fragment.
        fragments: How many frames the current message has so far.
        is_fragmented: Whether more frames of the current message follow its current frame.
    """

    def __init__(self) -> None:
        self.completed = 0
        self.length = 0
        self.size = 0
        self.fragments = 0
        self.is_fragmented = False
        self._left = 0
        self._is_last = False

    @property
    def is_between_frames(self) -> bool:
        """Whether the next byte is that of a header."""
        return self._left == 0

    def enter(self, data: bytes | bytearray, start: int) -> bool:
        """Enter the frame whose header begins at `start`, unless the header is incomplete."""
        if len(data) < start + 2:
            return False
        first, second = data[start], data[start + 1]
        length = second & _LENGTH
        extra = _EXTRA.get(length, 0)
        header = 2 + extra + (4 if second & _MASKED else 0)
        if len(data) < start + header:
            return False
        if extra:
            length = int.from_bytes(data[start + 2 : start + 2 + extra], "big")
        self.length = length
        self._left = header + length
        self._is_last = False
        if first & _OPCODE < _FIRST_CONTROL_OPCODE:
            self._is_last = bool(first & _FIN)
            self.is_fragmented = not self._is_last
            self.size += length + (_FRAGMENT_COST if self.fragments or self.is_fragmented else 0)
            self.fragments += 1
        return True

    def pass_by(self, count: int) -> int:
        """Pass at most so many bytes of the frame, and return how many there were."""
        count = min(count, self._left)
        self._left -= count
        if self._left == 0 and self._is_last:
            self.completed += 1
            self.size = self.fragments = 0
        return count
