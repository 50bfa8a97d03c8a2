"""What `decode` makes of the frames that are shown and searched: made in time slices, and kept."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol, TypeVar

from ipywsecho.errors import line_of
from ipywsecho.frames import AS_IT_IS, Decode, Decoded, Frame, decoded_of

__all__ = ["DecodedOf", "Decodings", "WorkAside"]

T = TypeVar("T")

DecodedOf = Callable[[Frame], Decoded | None]
"""Returns what was made of a frame, or `None` if that is not known yet."""


class WorkAside(Protocol):
    """Has work done on another thread, and its result passed on; then the rows are drawn again."""

    def __call__(self, work: Callable[[], T], done: Callable[[T], object], /) -> None:
        """Begin, and return at once."""


class Decodings:
    """What `decode` makes of frames.

    A slow `decode` must not hold the event loop while many rows are drawn, or a long log is
    searched. So it is called at once only while a short slice of time lasts, and only if the last
    call was quick. Otherwise another thread calls it, and until then nothing is known of the frame.

    Args:
        decode: The user's function, or `None` if each frame is shown as it is.
        work_aside: Has work done on another thread.
        described: Returns an error of the user's function in words.
        clock: Returns the time in seconds.
    """

    SLICE = 0.005
    """Seconds for calls at once, and the longest call that counts as quick."""
    BATCH = 0.1
    """Seconds after which the other thread passes on what it has made."""
    MOST = 32_000_000
    """Approximate number of bytes that are kept, of the frames and what was made of them."""
    _EACH = 500

    def __init__(
        self,
        decode: Decode | None = None,
        work_aside: WorkAside | None = None,
        *,
        described: Callable[[BaseException], str] = line_of,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._decode = decode
        self._work_aside = work_aside
        self._described = described
        self._clock = clock
        # By identity, as comparing long payloads takes time. The least recently used come first.
        self._kept: dict[int, tuple[Frame, Decoded]] = {}
        self._weight = 0
        self._left = self.SLICE
        self._is_slow = False
        self._wanted: deque[Frame] = deque()
        self.is_busy = False
        """Whether the other thread is at work."""

    def begin(self) -> None:
        """Begin a slice of time."""
        self._left = 0.0 if self._is_slow else self.SLICE

    def of(self, frame: Frame) -> Decoded | None:
        """Return what was made of a frame, or `None` if that is not known yet."""
        if self._decode is None:
            return AS_IT_IS
        kept = self._kept.pop(id(frame), None)
        if kept is not None:
            self._kept[id(frame)] = kept
            return kept[1]
        if self._left <= 0 and self._work_aside is not None:
            self._wanted.append(frame)
            if not self.is_busy:
                self.is_busy = True
                self._work_aside(self._make, self._keep_all)
            return None
        begun = self._clock()
        decoded = decoded_of(self._decode, frame, self._described)
        took = self._clock() - begun
        self._left -= took
        self._is_slow = took > self.SLICE
        self._keep(frame, decoded)
        return decoded

    def make(self, frame: Frame) -> Decoded:
        """Return what is made of a frame, however long that takes; on any thread."""
        if self._decode is None:
            return AS_IT_IS
        kept = self._kept.get(id(frame))
        return kept[1] if kept else decoded_of(self._decode, frame, self._described)

    def forget(self) -> None:
        """Forget all frames, as the log was cleared."""
        self._kept.clear()
        self._weight = 0
        self._wanted = deque()

    def _make(self) -> tuple[list[tuple[Frame, Decoded]], float]:
        """Decode what is wanted, on the other thread; return that, and the seconds it took."""
        assert self._decode is not None
        wanted, begun = self._wanted, self._clock()
        made = []
        took = 0.0
        while wanted and took < self.BATCH:
            frame = wanted.popleft()
            made.append((frame, decoded_of(self._decode, frame, self._described)))
            took = self._clock() - begun
        return made, took

    def _keep_all(self, result: tuple[list[tuple[Frame, Decoded]], float]) -> None:
        made, took = result
        self.is_busy = False
        # What is still wanted is asked for again when the rows are drawn again.
        self._wanted = deque()
        self._is_slow = took > self.SLICE * len(made)
        for frame, decoded in made:
            self._keep(frame, decoded)

    def _keep(self, frame: Frame, decoded: Decoded) -> None:
        # The frame as well, so that its identity is not used anew.
        self._kept[id(frame)] = frame, decoded
        self._weight += self._weight_of(frame, decoded)
        while self._weight > self.MOST and len(self._kept) > 1:
            self._weight -= self._weight_of(*self._kept.pop(next(iter(self._kept))))

    def _weight_of(self, frame: Frame, decoded: Decoded) -> int:
        return self._EACH + frame.size + len(decoded.text or decoded.error)
