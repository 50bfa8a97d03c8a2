"""What is kept of a connection, and the callbacks that are told of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import merge

from ipywsecho.errors import line_of, place_of
from ipywsecho.frames.calling import Caller
from ipywsecho.frames.following import Follower, Signal, newer
from ipywsecho.frames.log import Control, FrameLog, Notice
from ipywsecho.frames.moments import now, order_of
from ipywsecho.frames.notices import EventLog, Notices
from ipywsecho.frames.replies import Replies
from ipywsecho.frames.sequence import Frame

__all__ = ["Journal"]

_CONTROLS = 1_000


class Journal:
    """The frames of both directions, what happened between them, and the user's callbacks.

    Args:
        received: Keeps the frames received.
        sent: Keeps the frames sent.
        changed: Called when there is another notice.
        name_of: Returns how a file of the user's code is named in notices.
        hide: Returns a text with the secrets of the connection masked.
        record: Called with what happens, in order, before anybody else is told.
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
        hide: Callable[[str], str] = str,
        record: Callable[[Sequence[Frame | Notice | Control]], object] | None = None,
        clock: Callable[[], float] = now,
    ) -> None:
        self.received = received
        self.sent = sent
        self._notices = Notices(changed)
        self.notices = self._notices.kept
        self.controls: EventLog[Control] = EventLog(_CONTROLS)
        self.signal = Signal()
        """Notified when a frame was received, or when the stream may have ended."""
        self.replies = Replies()
        """The requests that wait for a frame."""
        self._changed = changed
        self._name_of = name_of
        self._hide = hide
        self._record = record
        self._clock = clock
        self._callbacks: list[Callable[[Frame], object]] = []
        self._caller = Caller(self.fail)
        self._skipped: Counter[str] = Counter()

    @property
    def recounted(self) -> int:
        """How often a notice that was kept already was counted again."""
        return self._notices.recounted

    def receive(self, frames: Sequence[Frame]) -> None:
        """Keep received frames, and tell the callbacks and whoever waits for one."""
        if self._record is not None:
            self._record(frames)
        if not self._callbacks:
            self.received.extend(frames)
        else:
            for frame in frames:
                self.received.append(frame)
                for callback in self._callbacks:
                    self._caller.call(callback, frame, self._later)
        if self.replies:
            for frame in frames:
                self.replies.offer(frame)
        self.signal.notify()

    def send(self, frame: Frame) -> None:
        """Keep a frame that was sent."""
        if self._record is not None:
            self._record((frame,))
        self.sent.append(frame)

    def add(self, notice: Notice) -> None:
        """Keep a notice; an error that happens again is counted."""
        if self._record is not None:
            self._record((notice,))
        self._notices.add(notice)

    def control(self, control: Control) -> None:
        """Keep a control frame."""
        if self._record is not None:
            self._record((control,))
        self.controls.append(control)
        self._changed()

    def events(self) -> Sequence[Notice | Control]:
        """Return the notices and control frames in their order, oldest first."""
        if not self.controls:
            return tuple(self.notices)
        return tuple(merge(self.notices, self.controls, key=order_of))

    def note(self, text: str, *, is_error: bool = False) -> None:
        """Keep a notice of what happens now."""
        self.add(Notice(self._clock(), self._hide(text), is_error))

    def note_error(self, text: str) -> None:
        """Keep a notice of an error that happens now."""
        self.note(text, is_error=True)

    def call_back(self, callback: Callable[[Frame], object], *, remove: bool) -> None:
        """Call this for each received frame, or no longer."""
        # Another list, as this one may be in use: a callback may remove itself.
        others = [each for each in self._callbacks if each != callback]
        for each in self._callbacks:
            if remove and each == callback:
                self._caller.cancel(each)
        self._callbacks = others if remove else [*others, callback]

    def follow(
        self,
        *,
        is_over: Callable[[], bool],
        skipped: Callable[[int], None],
        from_start: bool = False,
        source: object = None,
    ) -> Follower:
        """Iterate over the frames received.

        Args:
            is_over: Tells whether the stream has ended.
            skipped: Called with how many frames were forgotten before they could be yielded.
            from_start: Whether the frames kept now come first.
            source: What is iterated over, which lives as long as the iteration.
        """
        return Follower(
            self.received,
            self.signal,
            is_over=is_over,
            skipped=skipped,
            from_start=from_start,
            source=source,
        )

    def note_skipped(self, count: int, who: str = "a loop over the frames") -> None:
        """Keep a notice that something was too slow for so many frames more."""
        self._skipped[who] += count
        lost = self._skipped[who]
        text = f"{who} fell behind: {lost:,} were forgotten before it came"
        self._notices.add_loss(Notice(self._clock(), text), who)

    def fail(self, error: BaseException, what: str = "a callback") -> None:
        """Keep a notice of what the user's code raised.

        Args:
            error: What it raised; the same type from the same place is the same failure.
            what: What failed.
        """
        place = place_of(error, self._name_of)
        text = f"{what} failed: {self.described(error)}"
        notice = Notice(self._clock(), text, is_error=True)
        if self._record is not None:
            self._record((notice,))
        self._notices.add(notice, f"{what} {type(error).__name__} {place}")

    def end(self) -> None:
        """Cancel the callbacks that run as tasks."""
        self._caller.cancel()

    def described(self, error: BaseException) -> str:
        """Return an error of the user's code as one line, with the place where it happened.

        The secrets of the connection are masked.
        """
        place = place_of(error, self._name_of)
        return self._hide(f"{line_of(error)} ({place})" if place else line_of(error))

    def clear(self) -> None:
        """Forget the frames and notices; the totals go on counting."""
        self.received.clear()
        self.sent.clear()
        self._notices.clear()
        self._skipped.clear()
        self.controls.clear()

    def _later(self, _: object) -> Iterator[Frame]:
        skipped = partial(self.note_skipped, who="a callback")
        return (frames[-1] for frames in newer(self.received, skipped))
