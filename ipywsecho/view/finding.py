"""Finds frames in a log: the criteria, and a search that runs in short time slices."""

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
"""How many of the newest matches are kept; a redraw shows fewer than this."""

# Letters other than flags after the last slash make it a path, such as /api/users.
_REGEX = re.compile(r"/(.*)/([imsx]*)", re.DOTALL)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
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
        """Return a predicate for texts.

        Raises:
            InputError: If the regular expression is invalid.
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
                f"{self.text} is not a valid regular expression ({exc}); correct it, or remove the "
                "slashes to search for the literal text"
            ) from exc
        return lambda text: search(text) is not None

    def in_frame(self) -> Callable[[Frame], bool]:
        """Return a predicate for frames.

        Raises:
            InputError: If the regular expression is invalid.
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
    for a limited time, and the matches found so far are available in between.

    Args:
        matches: Returns whether a frame matches.
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
        self.matched = 0
        """Number of examined frames that matched."""
        self.looked_at = 0
        """Number of examined frames."""

    @property
    def found(self) -> list[Frame]:
        """The newest matches that the log still keeps, oldest first."""
        return [frame for _, frame in self._found]

    def look(self, frames: Frames, seconds: float) -> bool:
        """Continue the search.

        Args:
            frames: The frames of the log.
            seconds: How long to search; at least one frame is examined.

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
