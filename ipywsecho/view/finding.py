"""Finds entries in a log: the criteria, and a search that runs in short time slices."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from itertools import islice
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple, Protocol

from ipywsecho.frames import AS_IT_IS, Decoded, Frame
from ipywsecho.view.decoding import DecodedOf
from ipywsecho.view.matches import Found, Matches
from ipywsecho.view.matching import LARGE, TooSlowError, matcher_of
from ipywsecho.view.order import Kept
from ipywsecho.view.payloads import Kind, kind_of

__all__ = ["Criteria", "Sieve"]

_PATIENCE = 1.0
"""Seconds that entries may take which turn out to be too slow; then no more are examined."""

_AHEAD = 1_000
"""How many frames are decoded together, if they are not decoded at once."""

_HEX = re.compile(r"(?:[0-9a-f]{2}\s*)+", re.IGNORECASE | re.ASCII)


class Criteria(NamedTuple):
    """The conditions that a frame must meet; the defaults match every frame.

    Attributes:
        text: A text that the payload contains, ignoring case, or `/a regular expression/` with
            optional flags (i, m, s, x) after it. In a binary frame, the text is looked for in what
            was made of the payload, or in the payload decoded as Latin-1, and hexadecimal digits
            also match the bytes they stand for.
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

    def reads(self, frame: Frame) -> bool:
        """Return whether what a frame contains decides whether it matches."""
        return self.sent in (None, frame.sent) and (self.kind is not None or bool(self.text))

    def in_frame(self) -> "InFrame":
        """Return a predicate for frames, which raises `TooSlowError` if one takes too long.

        Raises:
            InputError: If the regular expression is invalid or too large.
        """
        in_text = self.in_text()
        in_bytes = bytes.fromhex(self.text) if _HEX.fullmatch(self.text) else None
        sent, kind, text = self.sent, self.kind, self.text

        def matches(frame: Frame, decoded: Decoded = AS_IT_IS) -> bool:
            if sent is not None and frame.sent is not sent:
                return False
            data = frame.data
            if kind is not None and kind_of(data, decoded) is not kind:
                return False
            if not text:
                return True
            if in_bytes is not None and isinstance(data, bytes) and in_bytes in data:
                return True
            shown = data if decoded.text is None else decoded.text
            return in_text(shown if isinstance(shown, str) else shown.decode("latin-1"))

        return matches


class InFrame(Protocol):
    """Returns whether a frame matches."""

    def __call__(self, frame: Frame, decoded: Decoded = AS_IT_IS) -> bool:
        """Examine a frame, and what was made of it."""


class Sieve:
    """An incremental search for the entries of a log that match.

    Each entry is examined once, the newest entries first. Every call of `look` continues the search
    for a limited time, and the matches found so far are available in between. A large frame is
    examined in a thread, and the search goes on with the next one when that is done.

    Args:
        matches: Returns whether an entry matches; raises `TooSlowError` if that takes too long. For
            a frame, it is passed what was made of it as well.
        decoded_of: Returns what was made of a frame. Where that is not known yet, the search stops,
            and has to be continued later.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        matches: Callable[..., bool],
        *,
        decoded_of: DecodedOf | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._matches = matches
        self._decoded_of = decoded_of
        self._clock = clock
        # Numbers of entries, counted from the first one ever logged. Those from `_oldest` up to,
        # but not including, `_newest` have been examined.
        self._oldest: int | None = None
        self._newest = 0
        # The frames that are examined in threads: one on either side of those examined.
        self._pending: dict[int, Future[bool]] = {}
        self._patience = _PATIENCE
        self.found = Matches()
        """The numbers of the matches that the log still keeps."""
        self.looked_at = 0
        """Number of examined entries."""
        self.too_slow = 0
        """Number of examined entries of which it is unknown whether they match."""
        self.slow_number: int | None = None
        """The number of the first entry that took too long, counted from 1, or `None`."""

    @property
    def matched(self) -> int:
        """Number of examined entries that matched."""
        return self.found.total

    def found_in(self, kept: Kept) -> Found:
        """Return the matches that a log keeps."""
        self.found.forget_before(kept.total - len(kept))
        return Found(kept, self.found)

    def look(self, kept: Kept, seconds: float) -> bool:
        """Continue the search.

        Args:
            kept: What the log keeps.
            seconds: How long to search; at least one entry is examined, or waited for.

        Returns:
            Whether all entries have been examined.
        """
        first = kept.total - len(kept)
        if self._oldest is None:
            self._oldest = self._newest = kept.total
        deadline = self._clock() + seconds
        # Skipped if there are no new entries, because even an empty slice takes time.
        is_done = self._newest >= kept.total or self._look_ahead(kept, first, deadline)
        if is_done and self._oldest > first:
            is_done = self._look_back(kept, first, deadline)
        self.found.forget_before(first)
        for number in [number for number in self._pending if number < first]:
            del self._pending[number]
        return is_done

    def _look_ahead(self, kept: Any, first: int, deadline: float) -> bool:
        self._newest = max(self._newest, first)
        unseen = iter(kept[self._newest - first :])
        for entry in unseen:
            is_match = self._examine(self._newest, entry, deadline)
            if is_match is None:
                return self._ask_ahead(unseen)
            if is_match:
                self.found.append(self._newest)
            self._newest += 1
            if self._clock() > deadline:
                return bool(self._newest == kept.total)
        return True

    def _look_back(self, kept: Any, first: int, deadline: float) -> bool:
        assert self._oldest is not None
        unseen = reversed(kept[: self._oldest - first])
        for entry in unseen:
            is_match = self._examine(self._oldest - 1, entry, deadline)
            if is_match is None:
                return self._ask_ahead(unseen)
            self._oldest -= 1
            if is_match:
                self.found.prepend(self._oldest)
            if self._clock() > deadline:
                return self._oldest <= first
        return True

    def _ask_ahead(self, unseen: Iterator[Any]) -> bool:
        """Have the next frames decoded as well; return that the search is not complete."""
        if self._decoded_of is not None:
            for entry in islice(unseen, _AHEAD):
                if isinstance(entry, Frame):
                    self._decoded_of(entry)
        return False

    def _examine(self, number: int, entry: Any, deadline: float) -> bool | None:
        """Return whether an entry matches, or `None` if that is not known yet."""
        is_match: bool | None = False
        if self._patience > 0:
            try:
                is_match = self._verdict(number, entry, deadline)
            except TooSlowError as exc:
                self._patience -= exc.seconds
                self.too_slow += 1
                if self.slow_number is None:
                    self.slow_number = number + 1
        else:
            self.too_slow += 1
        self.looked_at += is_match is not None
        return is_match

    def _verdict(self, number: int, entry: Any, deadline: float) -> bool | None:
        pending = self._pending.get(number)
        if pending is None:
            examine = partial(self._matches, entry)
            size = len(entry.data) if isinstance(entry, Frame) else 0
            if self._decoded_of is not None and isinstance(entry, Frame):
                decoded = self._decoded_of(entry)
                if decoded is None:
                    return None
                examine = partial(self._matches, entry, decoded)
                size = max(size, len(decoded.text or ""))
            if size <= LARGE:
                return examine()
            pending = self._pending[number] = _aside(examine)
        if not wait([pending], max(0.0, deadline - self._clock())).done:
            return None
        return self._pending.pop(number).result()


def _aside(examine: Callable[[], bool]) -> Future[bool]:
    """Examine a frame in a thread of its own, or at once where there are no threads."""
    examined: Future[bool] = Future()

    def run() -> None:
        try:
            examined.set_result(examine())
        except BaseException as exc:
            examined.set_exception(exc)

    try:
        # A daemon, so that Python need not wait for it at its end.
        Thread(target=run, daemon=True).start()
    except RuntimeError:
        run()
    return examined
