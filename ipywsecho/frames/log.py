"""A bounded log of frames, and what else is logged.

A log is a chain of append-only chunks. Its `frames` property returns a `Frames`, a view of those
chunks that is made in constant time and that later appends do not change. A chunk holds about the
square root of the history: then an append takes constant time on average, and little memory is
taken by forgotten frames, which are freed a chunk at a time.
"""

import sys
from collections import deque
from collections.abc import Sequence
from math import isqrt
from operator import attrgetter
from typing import NamedTuple

from ipywsecho.frames.sequence import Chain, Frame, Frames

__all__ = ["Control", "FrameLog", "Notice"]

_SIZE, _DATA = attrgetter("size"), attrgetter("data")

# The text of a smaller frame takes less memory than the frame itself.
_LARGE = 256
_HEADER = sys.getsizeof("🙂") - 4


class Notice(NamedTuple):
    """An event of the connection, such as its opening, shown between the frames.

    Attributes:
        time: When it happened, in seconds since the epoch.
        text: What happened, in one line.
        is_error: Whether it is an error.
        occurrences: How often it has happened; an error that happens again is counted.
        last: When it happened last, or `None` if that is `time`.
    """

    time: float
    text: str
    is_error: bool = False
    occurrences: int = 1
    last: float | None = None


class Control(NamedTuple):
    """A control frame, or the fragments of a message (RFC 6455, sections 5.4 and 5.5).

    Attributes:
        time: When it came or went, in seconds since the epoch.
        opcode: 8 for a close frame, 9 for a ping, 10 for a pong; 0 for fragments, of the message
            that came before.
        data: The payload, at most 125 bytes.
        sent: True if it was sent by us, False if it was received.
        fragments: How many fragments the message had, or 0.
    """

    time: float
    opcode: int
    data: bytes = b""
    sent: bool = False
    fragments: int = 0


class FrameLog:
    """A bounded log of the newest frames; appending takes constant time on average.

    One thread writes, and any thread may read `frames`. Each step of a change leaves a valid log,
    so a reader may at most see frames that are about to be forgotten.

    Args:
        history: Number of frames to keep.
        history_bytes: Bytes of payload to keep, or of memory where a text takes more of it: one
            character outside ASCII doubles what the others take, and an emoji makes them take four
            bytes each. The newest frame is always kept.

    Raises:
        ValueError: If a limit is less than one.
    """

    def __init__(self, history: int, history_bytes: int) -> None:
        if history < 1 or history_bytes < 1:
            raise ValueError(
                f"history={history!r} and history_bytes={history_bytes!r} must both be at least 1"
            )
        self._history = history
        self._history_bytes = history_bytes
        chunks = isqrt(history)
        self._chunk_frames = -(-history // chunks)
        # No larger than what a processor keeps at hand: the memory of frames that are forgotten is
        # used for those that come next.
        self._chunk_bytes = min(-(-history_bytes // chunks), 2**18)
        self.total = 0
        """Number of frames ever appended."""
        self.total_bytes = 0
        """Bytes ever appended, counted as `history_bytes` counts them."""
        self.cleared = 0
        """Value of `total` at the last `clear`."""
        self._start = 0
        # The oldest frames must go once a total is beyond this.
        self._most = history
        self._most_bytes = history_bytes
        # The numbers of kept frames that take more memory than their size, and how much more.
        self._wide: deque[tuple[int, int]] = deque()
        self._view: Frames | None = None
        self._begin_chunk(((), ()))

    @property
    def frames(self) -> Frames:
        """The frames kept now; later appends do not change this value."""
        view = self._view
        # Made of three attributes that another thread may change meanwhile. None ever returns to
        # an earlier value: if all are as before, there was a moment at which they were together.
        while (
            view is None
            or view.total != self.total
            or view._start != self._start
            or view._chain is not self._chain
        ):
            total = self.total
            view = self._view = Frames(self._chain, self._start, total, total)
        return view

    def append(self, frame: Frame) -> None:
        """Append a frame, and forget the oldest frames while a limit is exceeded."""
        self._tail.append(frame)
        total = self.total + 1
        size = frame.size
        total_bytes = self.total_bytes + size
        # The size of ASCII and of bytes is their length.
        if size > _LARGE and size != len(frame.data):
            total_bytes += self._note_wide((frame,))
        self.total_bytes = total_bytes
        self.total = total
        if total > self._most or total_bytes > self._most_bytes:
            self._forget()
        if total >= self._full_at or total_bytes >= self._full_at_bytes:
            self._begin_chunk(self._chain)

    def extend(self, frames: Sequence[Frame]) -> None:
        """Keep frames that came together, as `append` keeps each of them."""
        begin, count, total = 0, len(frames), self.total
        while begin < count:
            end = begin + self._full_at - total
            part = frames if begin == 0 and end >= count else frames[begin:end]
            begin = end
            self._tail.extend(part)
            added = sum(map(_SIZE, part))
            total += len(part)
            if added > _LARGE * len(part) and added != sum(map(len, map(_DATA, part))):
                added += self._note_wide(part)
            total_bytes = self.total_bytes = self.total_bytes + added
            self.total = total
            if total > self._most or total_bytes > self._most_bytes:
                self._forget_many()
            if total >= self._full_at or total_bytes >= self._full_at_bytes:
                self._begin_chunk(self._chain)

    def clear(self) -> None:
        """Forget all frames; the totals keep counting."""
        self._start = self.cleared = self.total
        self._most = self.total + self._history
        self._most_bytes = self.total_bytes + self._history_bytes
        self._wide.clear()
        self._begin_chunk(((), ()))

    def _begin_chunk(self, chain: Chain) -> None:
        self._tail: list[Frame] = []
        chunks, firsts = chain
        self._chain: Chain = ((*chunks, self._tail), (*firsts, self.total))
        self._full_at = self.total + self._chunk_frames
        self._full_at_bytes = self.total_bytes + self._chunk_bytes
        # It may hold chunks that are forgotten.
        self._view = None

    def _note_wide(self, frames: Sequence[Frame]) -> int:
        """Note which of these frames take more memory than their size, and return how much more."""
        noted = 0
        for number, frame in enumerate(frames, self.total):
            if more := _excess_of(frame):
                self._wide.append((number, more))
                noted += more
        return noted

    def _forget_wide(self, start: int) -> int:
        forgotten = 0
        while self._wide and self._wide[0][0] < start:
            forgotten += self._wide.popleft()[1]
        return forgotten

    def _forget(self) -> None:
        start, total = self._start, self.total
        if start >= total - 1:
            return
        chunks, firsts = self._chain
        chunk, first = chunks[0], firsts[0]
        # Mostly one has come, and one goes.
        most_bytes = self._most_bytes + chunk[start - first].size
        self._start = start = start + 1
        if self._wide:
            most_bytes += self._forget_wide(start)
        most = self._most = start + self._history
        self._most_bytes = most_bytes
        if start - first == len(chunk) and len(firsts) > 1:
            self._chain = chunks[1:], firsts[1:]
            self._view = None
        if total > most or self.total_bytes > most_bytes:
            self._forget_many()

    def _forget_many(self) -> None:
        chain = chunks, firsts = self._chain
        newest, total_bytes = self.total - 1, self.total_bytes
        too_many = self.total - self._history
        start, most_bytes, wide = self._start, self._most_bytes, self._wide
        while start < newest and (start < too_many or most_bytes < total_bytes):
            chunk, first = chunks[0], firsts[0]
            end = min(first + len(chunk), newest)
            if start < too_many:
                # Without a look at each of them.
                stop = min(too_many, end)
                most_bytes += sum(map(_SIZE, chunk[start - first : stop - first]))
                start = stop
                if wide:
                    most_bytes += self._forget_wide(start)
            while start < end and most_bytes < total_bytes:
                most_bytes += chunk[start - first].size
                start += 1
                if wide:
                    most_bytes += self._forget_wide(start)
            if start == first + len(chunk) and len(firsts) > 1:
                chain = chunks, firsts = chunks[1:], firsts[1:]
        self._most_bytes = most_bytes
        self._start = start
        self._most = start + self._history
        if chain is not self._chain:
            self._chain = chain
            self._view = None


def _excess_of(frame: Frame) -> int:
    """Return how many bytes of memory a payload takes beyond its size."""
    data = frame.data
    if isinstance(data, bytes) or data.isascii():
        return 0
    return max(0, sys.getsizeof(data) - _HEADER - frame.size)
