"""What is kept of a connection, and the callbacks that are told of it."""

from collections import deque
from collections.abc import Callable, Sequence
from heapq import merge
from typing import Any

from ipywsecho.errors import line_of, place_of
from ipywsecho.frames.following import Follower, Signal
from ipywsecho.frames.log import Control, Frame, FrameLog, Notice
from ipywsecho.frames.moments import now, order_of

__all__ = ["Journal"]

_NOTICES = _CONTROLS = 1_000


class Journal:
    """The frames of both directions, what happened between them, and the user's callbacks.

    Args:
        received: Keeps the frames received.
        sent: Keeps the frames sent.
        changed: Called when there is another notice.
        name_of: Returns how a file of the user's code is named in notices.
        clock: Returns the time in seconds since the epoch.

    Attributes:
        notices: What happened, oldest first; the newest 1,000 are kept.
        controls: Control frames, oldest first; the newest 1,000 are kept.
    """

    def __init__(
        self,
        received: FrameLog,
        sent: FrameLog,
        *,
        changed: Callable[[], object],
        name_of: Callable[[str], str],
        clock: Callable[[], float] = now,
    ) -> None:
        self.received = received
        self.sent = sent
        self.notices: deque[Notice] = deque(maxlen=_NOTICES)
        self.controls: deque[Control] = deque(maxlen=_CONTROLS)
        self.signal = Signal()
        """Notified when a frame was received, or when the stream may have ended."""
        self._changed = changed
        self._name_of = name_of
        self._clock = clock
        self._callbacks: list[Callable[[Frame], object]] = []

    def receive(self, frames: Sequence[Frame]) -> None:
        """Keep received frames, and tell the callbacks and the loops that wait for one."""
        if not self._callbacks:
            self.received.extend(frames)
        else:
            for frame in frames:
                self.received.append(frame)
                for callback in self._callbacks:
                    self.guard(callback, frame)
        self.signal.notify()

    def add(self, notice: Notice) -> None:
        """Keep a notice."""
        self.notices.append(notice)
        self._changed()

    def control(self, control: Control) -> None:
        """Keep a control frame."""
        self.controls.append(control)
        self._changed()

    def events(self) -> Sequence[Notice | Control]:
        """Return the notices and control frames in their order, oldest first."""
        if not self.controls:
            return tuple(self.notices)
        return tuple(merge(self.notices, self.controls, key=order_of))

    def note(self, text: str, *, is_error: bool = False) -> None:
        """Keep a notice of what happens now."""
        self.add(Notice(self._clock(), text, is_error))

    def call_back(self, callback: Callable[[Frame], object], *, remove: bool) -> None:
        """Call this for each received frame, or no longer."""
        # Another list, as this one may be in use: a callback may remove itself.
        callbacks = self._callbacks.copy()
        if remove:
            callbacks.remove(callback)
        else:
            callbacks.append(callback)
        self._callbacks = callbacks

    def follow(
        self, *, is_over: Callable[[], bool], skipped: Callable[[int], None], source: object
    ) -> Follower:
        """Iterate over the frames received from now on.

        Args:
            is_over: Tells whether the stream has ended.
            skipped: Called with how many frames were forgotten before they could be yielded.
            source: What is iterated over, which lives as long as the iteration.
        """
        return Follower(self.received, self.signal, is_over=is_over, skipped=skipped, source=source)

    def note_skipped(self, count: int) -> None:
        """Keep a notice that a loop over the frames was too slow for so many of them."""
        self.note(f"a loop over the frames fell behind: {count:,} were forgotten before it came")

    def guard(self, callback: Callable[[Any], object], argument: Any) -> None:
        """Call a callback of the user's; what it raises becomes a notice."""
        try:
            callback(argument)
        except Exception as exc:
            self.fail(exc)

    def fail(self, error: Exception) -> None:
        """Keep a notice of what a callback of the user's raised."""
        self.note(f"a callback failed: {self.described(error)}", is_error=True)

    def described(self, error: Exception) -> str:
        """Return an error of the user's code as one line, with the place where it happened."""
        place = place_of(error, self._name_of)
        return f"{line_of(error)} ({place})" if place else line_of(error)

    def clear(self) -> None:
        """Forget the frames and notices; the totals go on counting."""
        self.received.clear()
        self.sent.clear()
        self.notices.clear()
        self.controls.clear()
