"""What the Output shows of a log: which rows, in which form, and whether they stand still."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

from ipywsecho.frames import Frame, FrameLog, Frames, Notice
from ipywsecho.view import rows
from ipywsecho.view.finding import Criteria, Sieve
from ipywsecho.view.payloads import View
from ipywsecho.view.pictures import Picture

__all__ = ["Screen"]


_PREVIEWED = 10
_LARGEST_PREVIEW = 4_000


class _Moment(NamedTuple):
    """What there was to show at some moment."""

    received: Frames
    sent: Frames
    notices: Sequence[Notice]

    @property
    def total(self) -> int:
        return self.received.total + self.sent.total


class _Drawn(NamedTuple):
    """How far a drawing got."""

    received: int
    sent: int
    notice: Notice | None


class Screen:
    """The rows that a person sees, of the logs as they are now or as they were when paused.

    Args:
        received: Frames received.
        sent: Frames sent.
        notices: What happened to the connection.
        source_of: Returns a picture as a URI, "" if it cannot be shown, or `None` if not yet.
    """

    def __init__(
        self,
        received: FrameLog,
        sent: FrameLog,
        notices: deque[Notice],
        source_of: Callable[[bytes, Picture], str | None],
    ) -> None:
        self._logs = received, sent
        self._notices = notices
        self._source_of = source_of
        self._frozen: _Moment | None = None
        self._view = View.AUTOMATIC
        self._criteria = Criteria()
        self._sieves: tuple[Sieve, Sieve] | None = None
        self._drawn: _Drawn | None = None
        self._parity: rows.Parity = "even"
        self._is_previewed = False
        self.is_stale = True
        """Whether what is drawn now may differ from what was drawn last, frames aside."""

    def freeze(self) -> None:
        """Stand still: show what there is now, and none of what comes."""
        if self._frozen is None:
            self._frozen = self._moment()
            self.is_stale = True

    def thaw(self) -> None:
        """Show again what comes."""
        self._frozen = None

    @property
    def waiting(self) -> int | None:
        """How many frames came since it stands still, or `None` if it does not."""
        if self._frozen is None:
            return None
        return sum(log.total for log in self._logs) - self._frozen.total

    @property
    def is_still(self) -> bool:
        """Whether drawing again would show the same."""
        return self._frozen is not None and not self.is_stale

    def show_as(self, view: View) -> None:
        """Show payloads in this form."""
        self._view = view
        self.is_stale = True

    def look_for(self, criteria: Criteria) -> None:
        """Show only what meets the criteria.

        Raises:
            InputError: If they cannot be met by anything; what is shown stays as it was.
        """
        matches = criteria.in_frame()
        self._criteria = criteria
        is_filter = criteria != Criteria()
        self._sieves = (Sieve(matches), Sieve(matches)) if is_filter else None
        self.is_stale = True

    def search(self, seconds: float) -> bool:
        """Go on looking for so long in each log; tell whether everything was looked at."""
        if self._sieves is None:
            return True
        done = [
            sieve.look(frames, seconds)
            for sieve, frames in zip(self._sieves, self._shown()[:2], strict=True)
        ]
        self.is_stale = True
        return all(done)

    def forget(self) -> None:
        """Begin anew, as the logs were cleared."""
        if self._frozen is not None:
            self._frozen = self._moment()
        self.look_for(self._criteria)

    def preview(self) -> str:
        """Return as HTML the few rows that are new since the last drawing.

        Returns:
            "" if there are none, or if it takes another drawing to show them.
        """
        drawn = self._drawn
        if drawn is None or self.is_stale or self._sieves is not None:
            return ""
        received, sent, notices = self._shown()
        frames = received.total - drawn.received, sent.total - drawn.sent
        news = list(takewhile(lambda notice: notice is not drawn.notice, reversed(notices)))
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
        """Return the newest rows, in about so many bytes."""
        self.is_stale = False
        received, sent, notices = moment = self._shown()
        if self._is_previewed:
            self._is_previewed = False
            self._parity = "odd" if self._parity == "even" else "even"
        if self._sieves is None:
            matched = moment.total - sum(log.cleared for log in self._logs)
            entries = rows.newest_first(received, sent, notices)
            hidden = 0
        else:
            matched = sum(sieve.matched for sieve in self._sieves)
            in_received, in_sent = self._sieves
            entries = rows.newest_first(in_received.found, in_sent.found, self._matching(notices))
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
        # A preview stands below rows, and there may be none.
        self._drawn = (
            _Drawn(received.total, sent.total, notices[-1] if notices else None)
            if drawn.outputs
            else None
        )
        return drawn

    def _shown(self) -> _Moment:
        return self._frozen or self._moment()

    def _moment(self) -> _Moment:
        received, sent = self._logs
        return _Moment(received.frames, sent.frames, tuple(self._notices))

    def _matching(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        if self._criteria.sent is not None or self._criteria.kind is not None:
            return ()
        in_text = self._criteria.in_text()
        return [notice for notice in notices if in_text(notice.text)]


def _newest(frames: Frames, count: int) -> Sequence[Frame]:
    return frames[max(len(frames) - count, 0) :]
