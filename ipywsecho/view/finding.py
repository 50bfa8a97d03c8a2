"""Finds frames in a log: what is looked for, and a search that never keeps anybody waiting."""

import re
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from ipywsecho.errors import InputError
from ipywsecho.frames import Frame, Frames
from ipywsecho.view.payloads import Kind, kind_of

__all__ = ["Criteria", "Sieve"]

MOST_FOUND = 1_000
"""How many of the newest matches are kept, which is more than a view shows."""

# With other letters behind the slash it is a path, such as /api/users.
_REGEX = re.compile(r"/(.*)/([imsx]*)", re.DOTALL)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_HEX = re.compile(r"(?:[0-9a-f]{2}\s*)+", re.IGNORECASE | re.ASCII)


class Criteria(NamedTuple):
    """Which frames are looked for.

    Attributes:
        text: What they contain, in upper or lower case, or `/a regular expression/`, with flags
            (i, m, s, x) behind it. Bytes are searched as Latin-1 text, and for bytes in hex.
        sent: Whether they were sent; `None` for both directions.
        kind: What they hold; `None` for anything.
    """

    text: str = ""
    sent: bool | None = None
    kind: Kind | None = None

    def in_text(self) -> Callable[[str], bool]:
        """Return a test for texts.

        Raises:
            InputError: If the regular expression is none.
        """
        regex = _REGEX.fullmatch(self.text)
        if regex is None:
            needle = self.text.casefold()
            return lambda text: needle in text.casefold()
        pattern, letters = regex.groups()
        flags = re.NOFLAG
        for letter in letters:
            flags |= _FLAGS[letter]
        try:
            search = re.compile(pattern, flags).search
        except re.error as exc:
            raise InputError(
                f"{self.text} is no regular expression ({exc}); mend it, or leave out the slashes "
                "to look for the text as it stands"
            ) from exc
        return lambda text: search(text) is not None

    def in_frame(self) -> Callable[[Frame], bool]:
        """Return a test for frames.

        Raises:
            InputError: If the regular expression is none.
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
    """The newest frames of a log that match, and how many do.

    It looks at each frame once, at the newest first, and stops when its time is over, to go on when
    it is asked again. What it has found stands between.

    Args:
        matches: Whether a frame is looked for.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, matches: Callable[[Frame], bool], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._matches = matches
        self._clock = clock
        # Frames are numbered from the first that ever was. All from `_oldest` on were looked at,
        # and none from `_newest` on.
        self._oldest: int | None = None
        self._newest = 0
        self._found: deque[tuple[int, Frame]] = deque()
        self.matched = 0
        """How many frames matched, of those looked at."""
        self.looked_at = 0
        """How many frames were looked at."""

    @property
    def found(self) -> list[Frame]:
        """The newest matches that are still kept, oldest first."""
        return [frame for _, frame in self._found]

    def look(self, frames: Frames, seconds: float) -> bool:
        """Look at frames not looked at yet, for so long; tell whether that was all of them."""
        first = frames.total - len(frames)
        if self._oldest is None:
            self._oldest = self._newest = frames.total
        deadline = self._clock() + seconds
        # A slice of frames costs something even if it is empty.
        is_done = self._newest >= frames.total or self._look_ahead(frames, first, deadline)
        if is_done and self._oldest > first:
            is_done = self._look_back(frames, first, deadline)
        # What the log has forgotten must not be held here.
        while self._found and self._found[0][0] < first:
            self._found.popleft()
        return is_done

    def _look_ahead(self, frames: Frames, first: int, deadline: float) -> bool:
        self._newest = max(self._newest, first)
        for frame in frames[self._newest - first :]:
            if self._matches(frame):
                self._found.append((self._newest, frame))
                self.matched += 1
                if len(self._found) > MOST_FOUND:
                    self._found.popleft()
            self._newest += 1
            self.looked_at += 1
            if self._clock() > deadline:
                return self._newest == frames.total
        return True

    def _look_back(self, frames: Frames, first: int, deadline: float) -> bool:
        assert self._oldest is not None
        for frame in reversed(frames[: self._oldest - first]):
            self._oldest -= 1
            if self._matches(frame):
                self.matched += 1
                if len(self._found) < MOST_FOUND:
                    self._found.appendleft((self._oldest, frame))
            self.looked_at += 1
            if self._clock() > deadline:
                return self._oldest <= first
        return True
