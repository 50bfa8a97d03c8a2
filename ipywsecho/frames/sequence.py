"""Frames, and immutable sequences of them."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import eq
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Chain", "Frame", "Frames"]

_SHOWN_IN_REPR = 60


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

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        """Create a frame from its fields; without a size, the size is that of the payload."""
        return cls(*iterable)

    def _replace(self, /, **changes: Any) -> Self:
        """Return a frame with other fields; with other data, the size is that of the new data.

        A size that is given stays as it is, as in the constructor.
        """
        if "data" in changes:
            changes.setdefault("size", None)
        return super()._replace(**changes)

    __replace__ = _replace

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        data = self.data
        shown = repr(data if len(data) <= _SHOWN_IN_REPR else data[:_SHOWN_IN_REPR])
        more = "" if len(data) <= _SHOWN_IN_REPR else "…"
        return f"Frame({shown}{more}, time={self.time!r}, sent={self.sent}, size={self.size})"

    def json(self) -> Any:
        """Return the payload, parsed as JSON.

        Raises:
            ValueError: If the payload is not valid JSON, or is nested too deeply for Python.
        """
        try:
            return json.loads(self.data)
        except RecursionError as exc:
            raise ValueError(
                "the JSON is nested too deeply for Python; read the payload from `data`"
            ) from exc


def _size_of(data: str | bytes) -> int:
    # Most frames are ASCII, whose size is known without encoding them.
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode("utf-8", "surrogatepass"))


Chain = tuple[tuple[list[Frame], ...], tuple[int, ...]]
"""Chunks of frames, and the number of the first frame in each chunk."""


class Frames(Sequence[Frame]):
    """An immutable sequence of frames, oldest first.

    Any index takes about the same time. A slice is a `Frames` as well, and without a step it copies
    no frames. Two `Frames` are equal if they contain equal frames. For successive values of a log
    that is known at once, as their lengths or their first frames differ.

    Attributes:
        total: Number of frames the log has ever received, including those it has forgotten.
    """

    __slots__ = ("_chain", "_start", "_stop", "total")

    def __init__(
        self,
        chain: Chain,
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frames):
            return NotImplemented
        if len(self) != len(other):
            return False
        if self._chain is other._chain and self._start == other._start:
            return True
        return all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash((len(self), self[0] if self else None))

    # A copy would hold the same frames, which are immutable as well.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    # Without the chunks, which hold frames that are no part of this value.
    def __reduce__(self) -> tuple[Any, ...]:
        return _frames_of, (list(self), self.total)

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
        frames = list(self)
        columns: dict[str, list[Any]] = {
            "direction": ["sent" if frame.sent else "received" for frame in frames],
            "kind": ["text" if isinstance(frame.data, str) else "bytes" for frame in frames],
            "size": [frame.size for frame in frames],
            "data": [frame.data for frame in frames],
        }
        times = pd.to_datetime([frame.time for frame in frames], unit="s", utc=True)
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
        return _frames_of(frames, self.total)


def _frames_of(frames: list[Frame], total: int) -> Frames:
    return Frames(((frames,), (0,)), 0, len(frames), total)
