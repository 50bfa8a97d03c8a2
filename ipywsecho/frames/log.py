"""Frames, and the bounded log that keeps them.

A log is a chain of append-only chunks. Its `frames` property returns a `Frames`, a view of those
chunks that is made in constant time and that later appends do not change. A chunk holds about the
square root of the history: then an append takes constant time on average, and little memory is
taken by forgotten frames, which are freed a chunk at a time.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import isqrt
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Control", "Frame", "FrameLog", "Frames", "Notice"]

_SHOWN_IN_REPR = 60
_SIZE = attrgetter("size")


class _FrameFields(NamedTuple):
    data: str | bytes
    time: float
    sent: bool
    size: int


class Frame(_FrameFields):
    """One message sent or received over a WebSocket.

    Attributes:
        data: The payload: `str` for a text frame, `bytes` for a binary one (RFC 6455, section 5.6).
        time: When the frame was received or handed to the network, in seconds since the epoch.
        sent: True for a frame sent by the client, False for a frame received.
        size: Length of the payload in bytes.
    """

    __slots__ = ()

    def __new__(
        cls, data: str | bytes, time: float, sent: bool = False, size: int | None = None
    ) -> Self:
        """Create a frame; without a size, the size is that of the payload."""
        return tuple.__new__(cls, (data, time, sent, _size_of(data) if size is None else size))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self[:3]

    def __repr__(self) -> str:
        data = self.data
        shown = repr(data if len(data) <= _SHOWN_IN_REPR else data[:_SHOWN_IN_REPR])
        more = "" if len(data) <= _SHOWN_IN_REPR else "…"
        return f"Frame({shown}{more}, time={self.time!r}, sent={self.sent}, size={self.size})"

    def json(self) -> Any:
        """Return the payload, parsed as JSON.

        Raises:
            ValueError: If the payload is not valid JSON.
        """
        return json.loads(self.data)


def _size_of(data: str | bytes) -> int:
    # Most frames are ASCII, whose size is known without encoding them.
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode("utf-8", "surrogatepass"))


_Chain = tuple[tuple[list[Frame], ...], tuple[int, ...]]
"""Chunks of frames, and the number of the first frame in each chunk."""


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


class Frames(Sequence[Frame]):
    """An immutable sequence of frames, oldest first.

    Any index takes about the same time. A slice is a `Frames` as well, and without a step it copies
    no frames.

    Attributes:
        total: Number of frames the log has ever received, including those it has forgotten.
    """

    __slots__ = ("_chain", "_start", "_stop", "total")

    def __init__(
        self,
        chain: "_Chain",
        start: int,
        stop: int,
        total: int,
    ) -> None:
        self._chain = chain
        self._start = start
        self._stop = stop
        self.total = total

    def __len__(self) -> int:
        return self._stop - self._start

    def __repr__(self) -> str:
        return f"<Frames: {len(self):,} of {self.total:,}>"

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> "Frames": ...
    def __getitem__(self, index: int | slice) -> "Frame | Frames":
        """Return the frame at an index, or the frames of a slice."""
        if isinstance(index, slice):
            return self._slice(index)
        number = index + (self._stop if index < 0 else self._start)
        if not self._start <= number < self._stop:
            raise IndexError(f"frame index {index} is out of range (length {len(self)})")
        chunks, firsts = self._chain
        chunk = bisect_right(firsts, number) - 1
        return chunks[chunk][number - firsts[chunk]]

    def __iter__(self) -> Iterator[Frame]:
        for chunk, begin, end in self._parts():
            # By index, because the newest chunk may grow during the iteration.
            for index in range(begin, end):
                yield chunk[index]

    def __reversed__(self) -> Iterator[Frame]:
        for chunk, begin, end in self._parts(step=-1):
            for index in range(end - 1, begin - 1, -1):
                yield chunk[index]

    def until(self, total: int) -> "Frames":
        """Return these frames without those that the log received after its first `total`."""
        stop = min(max(total, self._start), self._stop)
        return Frames(self._chain, self._start, stop, total)

    def to_dataframe(self) -> "DataFrame":
        """Return a pandas DataFrame with one row per frame.

        The columns are `time`, a timestamp in UTC; `direction`, "received" or "sent"; `kind`,
        "text" or "bytes", depending on the opcode (RFC 6455, section 5.6); `size` in bytes; and
        `data`, the payload.

        Raises:
            ImportError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as exc:
            raise ImportError(
                "to_dataframe() needs pandas, which is not installed; run %pip install pandas"
            ) from exc
        columns: dict[str, list[Any]] = {
            "direction": ["sent" if frame.sent else "received" for frame in self],
            "kind": ["text" if isinstance(frame.data, str) else "bytes" for frame in self],
            "size": [frame.size for frame in self],
            "data": [frame.data for frame in self],
        }
        times = pd.to_datetime([frame.time for frame in self], unit="s", utc=True)
        return pd.DataFrame({"time": times, **columns})

    def _parts(self, step: int = 1) -> Iterator[tuple[list[Frame], int, int]]:
        """Yield each chunk that holds some of these frames, with the range of their indices."""
        chunks, firsts = self._chain
        holding = range(bisect_right(firsts, self._start) - 1, bisect_left(firsts, self._stop))
        for number in holding[::step]:
            chunk, first = chunks[number], firsts[number]
            yield chunk, max(self._start - first, 0), min(len(chunk), self._stop - first)

    def _slice(self, index: slice) -> "Frames":
        start, stop, step = index.indices(len(self))
        if step == 1:
            begin = self._start + start
            end = max(begin, self._start + stop)
            return Frames(self._chain, begin, end, self.total)
        frames = [self[number] for number in range(start, stop, step)]
        return Frames(((frames,), (0,)), 0, len(frames), self.total)


class FrameLog:
    """A bounded log of the newest frames; appending takes constant time on average.

    Args:
        history: Number of frames to keep.
        history_bytes: Bytes of payload to keep. The newest frame is always kept.

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
        """Bytes of payload ever appended."""
        self.cleared = 0
        """Value of `total` at the last `clear`."""
        self._start = 0
        self._forgotten_bytes = 0
        self._view: Frames | None = None
        self._begin_chain()

    @property
    def frames(self) -> Frames:
        """The frames kept now; later appends do not change this value."""
        view = self._view
        if view is None:
            total = self.total
            view = self._view = Frames(self._chain, self._start, total, total)
        return view

    def append(self, frame: Frame) -> None:
        """Append a frame, and forget the oldest frames while a limit is exceeded."""
        self._tail.append(frame)
        self._view = None
        total = self.total = self.total + 1
        total_bytes = self.total_bytes = self.total_bytes + frame.size
        if (
            total - self._start > self._history
            or total_bytes - self._forgotten_bytes > self._history_bytes
        ):
            self._forget()
        if total >= self._full_at or total_bytes >= self._full_at_bytes:
            self._begin_chunk()

    def extend(self, frames: Sequence[Frame]) -> None:
        """Keep frames that came together, as `append` keeps each of them."""
        begin = 0
        while begin < len(frames):
            end = begin + self._full_at - self.total
            part = frames if begin == 0 and end >= len(frames) else frames[begin:end]
            begin = end
            self._tail.extend(part)
            self._view = None
            self.total += len(part)
            self.total_bytes += sum(map(_SIZE, part))
            if (
                self.total - self._start > self._history
                or self.total_bytes - self._forgotten_bytes > self._history_bytes
            ):
                self._forget()
            if self.total >= self._full_at or self.total_bytes >= self._full_at_bytes:
                self._begin_chunk()

    def clear(self) -> None:
        """Forget all frames; the totals keep counting."""
        self._start = self.cleared = self.total
        self._forgotten_bytes = self.total_bytes
        self._view = None
        self._begin_chain()

    def _begin_chain(self) -> None:
        self._chain: _Chain = ((), ())
        self._begin_chunk()

    def _begin_chunk(self) -> None:
        self._tail: list[Frame] = []
        chunks, firsts = self._chain
        self._chain = ((*chunks, self._tail), (*firsts, self.total))
        self._view = None
        self._full_at = self.total + self._chunk_frames
        self._full_at_bytes = self.total_bytes + self._chunk_bytes

    def _forget(self) -> None:
        start = self._start
        if start >= self.total - 1:
            return
        chunks, firsts = self._chain
        chunk, first = chunks[0], firsts[0]
        # Mostly one has come, and one goes.
        self._forgotten_bytes += chunk[start - first].size
        self._start = start = start + 1
        if start - first == len(chunk) and len(firsts) > 1:
            self._chain = chunks[1:], firsts[1:]
        if (
            self.total - start > self._history
            or self.total_bytes - self._forgotten_bytes > self._history_bytes
        ):
            self._forget_many()

    def _forget_many(self) -> None:
        newest = self.total - 1
        chunks, firsts = self._chain
        too_many = self.total - self._history
        too_large = self.total_bytes - self._history_bytes
        start, forgotten_bytes = self._start, self._forgotten_bytes
        while start < newest and (start < too_many or forgotten_bytes < too_large):
            chunk, first = chunks[0], firsts[0]
            end = min(first + len(chunk), newest)
            if start < too_many:
                # Without a look at each of them.
                stop = min(too_many, end)
                forgotten_bytes += sum(map(_SIZE, chunk[start - first : stop - first]))
                start = stop
            while start < end and forgotten_bytes < too_large:
                forgotten_bytes += chunk[start - first].size
                start += 1
            if start == first + len(chunk) and len(firsts) > 1:
                chunks, firsts = chunks[1:], firsts[1:]
        self._start, self._forgotten_bytes = start, forgotten_bytes
        self._chain = chunks, firsts
