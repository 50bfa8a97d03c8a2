"""The part of a log that the Output shows: filtered, paused, and in a chosen view."""

from collections.abc import Callable, Sequence
from itertools import compress, takewhile
from typing import NamedTuple

from ipywsecho.errors import InputError
from ipywsecho.frames import Control, Frame, FrameLog, Frames, Notice
from ipywsecho.view import rows
from ipywsecho.view.finding import Criteria, Sieve, TextSieve
from ipywsecho.view.payloads import Kind, View
from ipywsecho.view.pictures import SourceOf

__all__ = ["Screen"]


# More rows, or more bytes, are drawn instead of previewed.
_PREVIEWED = 10
_LARGEST_PREVIEW = 4_000


class _Moment(NamedTuple):
    """The frames and notices at some moment."""

    received: Frames
    sent: Frames
    events: Sequence[Notice | Control]

    @property
    def total(self) -> int:
        return self.received.total + self.sent.total


class _Drawn(NamedTuple):
    """Totals of frames, and the newest notice, at the last drawing."""

    received: int
    sent: int
    event: Notice | Control | None


class Screen:
    """The rows that the user sees: of the logs now, or as they were when the view was paused.

    Args:
        received: Log of the frames received.
        sent: Log of the frames sent.
        events: Returns notices and control frames, oldest first.
        source_of: Returns a picture as a URI.
    """

    def __init__(
        self,
        received: FrameLog,
        sent: FrameLog,
        events: Callable[[], Sequence[Notice | Control]],
        source_of: SourceOf,
    ) -> None:
        self._logs = received, sent
        self._events = events
        self._source_of = source_of
        self._frozen: _Moment | None = None
        self._view = View.AUTOMATIC
        self._criteria = Criteria()
        self._sieves: tuple[Sieve, Sieve] | None = None
        self._text_sieve = TextSieve(self._criteria.in_text())
        self._drawn: _Drawn | None = None
        self._parity: rows.Parity = "even"
        self._is_previewed = False
        self.is_stale = True
        """Whether a drawing may differ from the last one for reasons other than new frames."""

    def freeze(self) -> None:
        """Pause: show the frames of this moment, and no later ones."""
        if self._frozen is None:
            self._frozen = self._moment()
            self.is_stale = True

    def thaw(self) -> None:
        """Resume: show new frames again."""
        self._frozen = None

    @property
    def waiting(self) -> int | None:
        """Number of frames since `freeze`, or `None` if not frozen."""
        if self._frozen is None:
            return None
        return sum(log.total for log in self._logs) - self._frozen.total

    @property
    def is_still(self) -> bool:
        """Whether another drawing would show the same rows."""
        return self._frozen is not None and not self.is_stale

    def show_as(self, view: View) -> None:
        """Set how payloads are shown."""
        self._view = view
        self.is_stale = True

    def look_for(self, criteria: Criteria) -> None:
        """Show only frames and notices that meet the criteria.

        Raises:
            InputError: If the regular expression is invalid; then the filter stays as it was.
        """
        matches = criteria.in_frame()
        self._text_sieve = TextSieve(criteria.in_text())
        self._criteria = criteria
        is_filter = criteria != Criteria()
        self._sieves = (Sieve(matches), Sieve(matches)) if is_filter else None
        self.is_stale = True

    def search(self, seconds: float) -> bool:
        """Continue the search for matches, for so many seconds in each log.

        Returns:
            Whether the search is complete.
        """
        if self._sieves is None:
            return True
        done = [
            sieve.look(frames, seconds)
            for sieve, frames in zip(self._sieves, self._shown()[:2], strict=True)
        ]
        self.is_stale = True
        return all(done)

    @property
    def complaint(self) -> InputError | None:
        """What takes too long to search, or `None` if nothing does."""
        if self._sieves is None:
            return None
        slow = [
            f"{name} frame {sieve.slow_number:,}"
            for name, sieve in zip(("received", "sent"), self._sieves, strict=True)
            if sieve.slow_number is not None
        ]
        if more := sum(sieve.too_slow for sieve in self._sieves) - len(slow):
            slow.append(f"{more:,} more")
        if self._text_sieve.is_too_slow:
            slow.append("the notices")
        if not slow:
            return None
        return InputError(
            f"{self._criteria.text} takes too long on {', '.join(slow)} (hidden by the filter); "
            "simplify the regular expression"
        )

    def forget(self) -> None:
        """Start anew after the logs were cleared."""
        if self._frozen is not None:
            self._frozen = self._moment()
        self.look_for(self._criteria)

    def preview(self) -> str:
        """Return the new rows since the last drawing as HTML.

        Returns:
            "" if there are no new rows, or if showing them requires another drawing.
        """
        drawn = self._drawn
        if drawn is None or self.is_stale or self._sieves is not None:
            return ""
        received, sent, events = self._shown()
        frames = received.total - drawn.received, sent.total - drawn.sent
        news = list(takewhile(lambda event: event is not drawn.event, reversed(events)))
        if not 0 < sum(frames) + len(news) <= _PREVIEWED:
            return ""
        html = rows.preview(
            rows.newest_first(_newest(received, frames[0]), _newest(sent, frames[1]), news[::-1]),
            view=self._view,
            source_of=self._source_of,
            parity=self._parity,
        )
        if rows.weight_of(html) > _LARGEST_PREVIEW:
            return ""
        self._is_previewed = True
        return html

    def draw(self, limit: int) -> rows.Rendering:
        """Return the newest rows, in about `limit` bytes."""
        self.is_stale = False
        received, sent, events = moment = self._shown()
        if self._is_previewed:
            self._is_previewed = False
            self._parity = "odd" if self._parity == "even" else "even"
        if self._sieves is None:
            matched = moment.total - sum(log.cleared for log in self._logs)
            entries = rows.newest_first(received, sent, events)
            hidden = 0
        else:
            matched = sum(sieve.matched for sieve in self._sieves)
            in_received, in_sent = self._sieves
            entries = rows.newest_first(in_received.found, in_sent.found, self._matching(events))
            hidden = sum(sieve.looked_at for sieve in self._sieves) - matched
        drawn = rows.output(
            entries,
            seen=matched,
            hidden=hidden,
            limit=limit,
            view=self._view,
            source_of=self._source_of,
            parity=self._parity,
        )
        # Without rows there is no Output, below which the style sheet would show a preview.
        self._drawn = (
            _Drawn(received.total, sent.total, events[-1] if events else None)
            if drawn.outputs
            else None
        )
        return drawn

    def _shown(self) -> _Moment:
        return self._frozen or self._moment()

    def _moment(self) -> _Moment:
        received, sent = self._logs
        return _Moment(received.frames, sent.frames, self._events())

    def _matching(self, events: Sequence[Notice | Control]) -> Sequence[Notice | Control]:
        sent, kind = self._criteria.sent, self._criteria.kind

        def is_chosen(event: Notice | Control) -> bool:
            if isinstance(event, Control):
                return sent in (None, event.sent) and kind in (None, Kind.CONTROL)
            return sent is None and kind is None

        chosen = [event for event in events if is_chosen(event)]
        texts = [rows.text_of(each) if isinstance(each, Control) else each.text for each in chosen]
        return list(compress(chosen, self._text_sieve.select(texts)))


def _newest(frames: Frames, count: int) -> Sequence[Frame]:
    return frames[max(len(frames) - count, 0) :]
