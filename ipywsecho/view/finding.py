"""Finds frames in a log: the criteria, and a search that runs in short time slices."""

import re
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from threading import Thread
from time import monotonic, process_time
from typing import NamedTuple

from ipywsecho.frames import Frame, Frames
from ipywsecho.view.matching import LARGE, TooSlowError, matcher_of
from ipywsecho.view.payloads import Kind, kind_of

__all__ = ["Criteria", "Sieve", "TextSieve"]

MOST_FOUND = 1_000
"""How many of the newest matches are kept; a redraw shows fewer than this."""

_PATIENCE = 1.0
"""Seconds that frames may take which turn out to be too slow; then no more are examined."""

_SECONDS_FOR_TEXTS = 0.05
"""Seconds of the processor that all texts together may take each time."""

_HEX = re.compile(r"(?:[0-9a-f]{2}\s*)+", re.IGNORECASE | re.ASCII)


class Criteria(NamedTuple):
    """The conditions that a frame must meet; the defaults match every frame.

    Attributes:
        text: A text that the payload contains, ignoring case, or `/a regular expression/` with
            optional flags (i, m, s, x) after it. In a binary frame, the text is looked for in the
            payload decoded as Latin-1, and hexadecimal digits also match the bytes they stand for.
        sent: Whether the frame was sent, or `None` for both directions.
        kind: What the frame contains, or `None` for any content.
    """

    text: str = ""
    sent: bool | None = None
    kind: Kind | None = None

    def in_text(self) -> Callable[[str], bool]:
        """Return a predicate for texts, which raises `TooSlowError` if one takes too long.

        Raises:
            InputError: If the regular expression is invalid or too large.
        """
        return matcher_of(self.text)

    def in_frame(self) -> Callable[[Frame], bool]:
        """Return a predicate for frames, which raises `TooSlowError` if one takes too long.

        Raises:
            InputError: If the regular expression is invalid or too large.
        """
        in_text = self.in_text()
        in_bytes = bytes.fromhex(self.text) if _HEX.fullmatch(self.text) else None
        sent, kind, text = self.sent, self.kind, self.text

        def matches(frame: Frame) -> bool:
            data = frame.data
            if sent is not None and frame.sent is not sent:
                return False
            if kind is not None and kind_of(data) is not kind:
                return False
            if not text:
                return True
            if isinstance(data, str):
                return in_text(data)
            return (in_bytes is not None and in_bytes in data) or in_text(data.decode("latin-1"))

        return matches


class Sieve:
    """An incremental search for the newest matching frames of a log.

    Each frame is examined once, the newest frames first. Every call of `look` continues the search
    for a limited time, and the matches found so far are available in between. A large frame is
    examined in a thread, and the search goes on with the next one when that is done.

    Args:
        matches: Returns whether a frame matches; raises `TooSlowError` if that takes too long.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, matches: Callable[[Frame], bool], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._matches = matches
        self._clock = clock
        # Numbers of frames, counted from the first frame ever logged. The frames from `_oldest`
        # up to, but not including, `_newest` have been examined.
        self._oldest: int | None = None
        self._newest = 0
        self._found: deque[tuple[int, Frame]] = deque()
        # The frames that are examined in threads: one on either side of those examined.
        self._pending: dict[int, Future[bool]] = {}
        self._patience = _PATIENCE
        self.matched = 0
        """Number of examined frames that matched."""
        self.looked_at = 0
        """Number of examined frames."""
        self.too_slow = 0
        """Number of examined frames of which it is unknown whether they match."""
        self.slow_number: int | None = None
        """The number of the first frame that took too long, counted from 1, or `None`."""

    @property
    def found(self) -> list[Frame]:
        """The newest matches that the log still keeps, oldest first."""
        return [frame for _, frame in self._found]

    def look(self, frames: Frames, seconds: float) -> bool:
        """Continue the search.

        Args:
            frames: The frames of the log.
            seconds: How long to search; at least one frame is examined, or waited for.

        Returns:
            Whether all frames have been examined.
        """
        first = frames.total - len(frames)
        if self._oldest is None:
            self._oldest = self._newest = frames.total
        deadline = self._clock() + seconds
        # Skipped if there are no new frames, because even an empty slice takes time.
        is_done = self._newest >= frames.total or self._look_ahead(frames, first, deadline)
        if is_done and self._oldest > first:
            is_done = self._look_back(frames, first, deadline)
        # Frames that the log has forgotten must not stay in memory.
        while self._found and self._found[0][0] < first:
            self._found.popleft()
        for number in [number for number in self._pending if number < first]:
            del self._pending[number]
        return is_done

    def _look_ahead(self, frames: Frames, first: int, deadline: float) -> bool:
        self._newest = max(self._newest, first)
        for frame in frames[self._newest - first :]:
            is_match = self._examine(self._newest, frame, deadline)
            if is_match is None:
                return False
            if is_match:
                self._found.append((self._newest, frame))
                if len(self._found) > MOST_FOUND:
                    self._found.popleft()
            self._newest += 1
            if self._clock() > deadline:
                return self._newest == frames.total
        return True

    def _look_back(self, frames: Frames, first: int, deadline: float) -> bool:
        assert self._oldest is not None
        for frame in reversed(frames[: self._oldest - first]):
            is_match = self._examine(self._oldest - 1, frame, deadline)
            if is_match is None:
                return False
            self._oldest -= 1
            if is_match and len(self._found) < MOST_FOUND:
                self._found.appendleft((self._oldest, frame))
            if self._clock() > deadline:
                return self._oldest <= first
        return True

    def _examine(self, number: int, frame: Frame, deadline: float) -> bool | None:
        """Return whether a frame matches, or `None` if that is not known yet."""
        is_match = False
        if self._patience > 0:
            try:
                if len(frame.data) <= LARGE:
                    is_match = self._matches(frame)
                else:
                    pending = self._pending.get(number)
                    if pending is None:
                        pending = self._pending[number] = _aside(self._matches, frame)
                    if not wait([pending], max(0.0, deadline - self._clock())).done:
                        return None
                    del self._pending[number]
                    is_match = pending.result()
            except TooSlowError as exc:
                self._patience -= exc.seconds
                self.too_slow += 1
                if self.slow_number is None:
                    self.slow_number = number + 1
        else:
            self.too_slow += 1
        self.looked_at += 1
        self.matched += is_match
        return is_match


def _aside(matches: Callable[[Frame], bool], frame: Frame) -> Future[bool]:
    """Examine a frame in a thread of its own, or at once where there are no threads."""
    examined: Future[bool] = Future()

    def run() -> None:
        try:
            examined.set_result(matches(frame))
        except BaseException as exc:
            examined.set_exception(exc)

    try:
        # A daemon, so that Python need not wait for it at its end.
        Thread(target=run, daemon=True).start()
    except RuntimeError:
        run()
    return examined


class TextSieve:
    """A search in texts that are all examined at once, and each of them once.

    Args:
        matches: Returns whether a text matches; raises `TooSlowError` if that takes too long.
        clock: Returns the seconds that the processor has spent.
    """

    def __init__(
        self, matches: Callable[[str], bool], *, clock: Callable[[], float] = process_time
    ) -> None:
        self._matches = matches
        self._clock = clock
        self._known: dict[str, bool] = {}
        self.is_too_slow = False
        """Whether a search took too long; texts that were not examined do not match."""

    def select(self, texts: Iterable[str]) -> list[bool]:
        """Return for each text whether it matches."""
        deadline = self._clock() + _SECONDS_FOR_TEXTS
        # Without those that are no more.
        known = {text: self._known[text] for text in texts if text in self._known}
        selected = []
        for text in texts:
            if text not in known and not self.is_too_slow:
                self.is_too_slow = self._clock() > deadline
                if not self.is_too_slow:
                    try:
                        known[text] = self._matches(text)
                    except TooSlowError:
                        self.is_too_slow = True
            selected.append(known.get(text, False))
        self._known = known
        return selected
