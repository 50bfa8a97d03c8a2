"""The part of a log that is shown: filtered, paused, and in a chosen view."""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from typing import TYPE_CHECKING, Any

from ipywsecho.errors import InputError
from ipywsecho.frames import AS_IT_IS, Control, Decoded, Frame, Journal, Notice, order_of
from ipywsecho.view import rows
from ipywsecho.view.decoding import Decodings
from ipywsecho.view.finding import Criteria, Sieve
from ipywsecho.view.matches import Found
from ipywsecho.view.moment import Moment
from ipywsecho.view.payloads import Kind, View
from ipywsecho.view.pictures import SourceOf

if TYPE_CHECKING:
    from ipywsecho.view.order import Kept

__all__ = ["Screen"]

_NAMES = ("received frame", "control frame", "notice", "sent frame")


class Screen:
    """What the user sees: the logs now, or as they were when the view was paused.

    Args:
        journal: What is shown.
        source_of: Returns a picture as a URI.
        decodings: What was made of frames; `None` shows each as it is.
    """

    def __init__(
        self, journal: Journal, source_of: SourceOf, decodings: Decodings | None = None
    ) -> None:
        self._journal = journal
        self.source_of = source_of
        """Returns a picture as a URI."""
        self.decodings = decodings or Decodings()
        """What was made of frames."""
        self._frozen: Moment | None = None
        self.begins = (0,) * len(Moment._fields)
        """For each log, the position of the first entry that may be shown, see `clear`."""
        self.emptied = 0
        """How often all rows were removed."""
        self.view = View.AUTOMATIC
        """How payloads are shown."""
        self._criteria = Criteria()
        self._sieves: tuple[Sieve, ...] = ()
        self.revision = 0
        """Grows whenever rows that were shown may look otherwise, or be hidden."""
        self.is_stale = True
        """Whether a drawing may differ from the last one for reasons other than new frames."""

    def freeze(self) -> None:
        """Pause: show the frames of this moment, and no later ones."""
        if self._frozen is None:
            self._frozen = self.now
            self.is_stale = True

    def thaw(self) -> None:
        """Resume: show new frames again."""
        self._frozen = None

    @property
    def waiting(self) -> int | None:
        """Number of frames since `freeze`, or `None` if not frozen."""
        if self._frozen is None:
            return None
        return self._journal.received.total + self._journal.sent.total - self._frozen.total

    @property
    def is_still(self) -> bool:
        """Whether another drawing would show the same rows."""
        return self._frozen is not None and not self.is_stale

    def show_as(self, view: View) -> None:
        """Set how payloads are shown."""
        self.view = view
        self._revise()

    def clear(self) -> None:
        """Hide what there is now; the logs keep it."""
        self.begins = self.now.ends
        self._empty()

    def uncover(self) -> None:
        """Show again what `clear` has hidden."""
        self.begins = (0,) * len(self.begins)
        self.look_for(self._criteria)

    @property
    def covered(self) -> int:
        """How many rows `clear` has hidden, of what is kept."""
        return (self._frozen or self.now).entries - self.moment.entries if any(self.begins) else 0

    def look_for(self, criteria: Criteria) -> None:
        """Show only frames and notices that meet the criteria.

        Raises:
            InputError: If the regular expression is invalid; then the filter stays as it was.
        """
        in_frame, in_text = criteria.in_frame(), criteria.in_text()

        def in_notice(notice: Notice) -> bool:
            return criteria.sent is None and criteria.kind is None and in_text(notice.text)

        def in_control(control: Control) -> bool:
            is_chosen = criteria.sent in (None, control.sent)
            is_kind = criteria.kind in (None, Kind.CONTROL)
            return is_chosen and is_kind and in_text(rows.text_of(control))

        self._criteria = criteria
        matches: list[Callable[..., bool]] = [in_frame, in_notice, in_control, in_frame]
        is_filter = criteria != Criteria()
        self._sieves = ()
        if is_filter:
            self._sieves = tuple(Sieve(each, decoded_of=self._decoded_of) for each in matches)
        self._revise()

    def search(self, seconds: float) -> bool:
        """Continue the search for matches, for so many seconds in each log.

        Returns:
            Whether the search is complete, or goes on when `is_stale` is set after some decoding.
        """
        if not self._sieves:
            return True
        self.decodings.begin()
        moment: Sequence[Kept] = self.moment
        done = [sieve.look(kept, seconds) for sieve, kept in zip(self._sieves, moment, strict=True)]
        self.is_stale = True
        return all(done) or self.decodings.is_busy

    @property
    def complaint(self) -> InputError | None:
        """What takes too long to search, or `None` if nothing does."""
        slow = [
            f"{name} {sieve.slow_number:,}"
            for name, sieve in zip(_NAMES, self._sieves[::-1], strict=bool(self._sieves))
            if sieve.slow_number is not None
        ]
        if more := sum(sieve.too_slow for sieve in self._sieves) - len(slow):
            slow.append(f"{more:,} more")
        if not slow:
            return None
        return InputError(
            f"{self._criteria.text} takes too long on {', '.join(slow)} (hidden by the filter); "
            "simplify the regular expression"
        )

    def forget(self) -> None:
        """Start anew after the logs were cleared."""
        self.decodings.forget()
        self._empty()

    @property
    def moment(self) -> Moment:
        """What may be shown of each log: as it is now, or was when the view was paused."""
        return (self._frozen or self.now).since(self.begins)

    def found(self, moment: Moment) -> Sequence[Found] | None:
        """Return what the filter lets through so far, or `None` if there is no filter."""
        if not self._sieves:
            return None
        logs: Sequence[Kept] = moment
        return [sieve.found_in(kept) for sieve, kept in zip(self._sieves, logs, strict=True)]

    @property
    def found_before(self) -> int:
        """How many matches the search has found so far by going back."""
        return sum(sieve.found.revisions for sieve in self._sieves)

    @property
    def matched(self) -> int:
        """How many frames the filter lets through, kept or not, since all rows were removed."""
        if not self._sieves:
            received, sent = self._journal.received, self._journal.sent
            of_sent, *_, of_received = self.begins
            begin = max(sent.cleared, of_sent) + max(received.cleared, of_received)
            return self.moment.total - begin
        return sum(sieve.matched for sieve in self._sieves_of_frames)

    @property
    def hidden(self) -> int:
        """How many frames the filter hides."""
        return sum(sieve.looked_at - sieve.matched for sieve in self._sieves_of_frames)

    @property
    def recounted(self) -> int:
        """How often something that happened again was counted in its row."""
        return self._journal.recounted

    @property
    def _sieves_of_frames(self) -> Sequence[Sieve]:
        # The first and the last, if there is a filter.
        return self._sieves[:: len(Moment._fields) - 1]

    def draw(
        self, limit: int, earlier: Iterable[Frame | Notice | Control] | None = None
    ) -> rows.Rendering:
        """Return rows, in about `limit` bytes.

        Args:
            limit: Bytes that they may take, about.
            earlier: What to show, newest first, instead of the newest rows.
        """
        self.is_stale = False
        self.decodings.begin()
        moment = self.moment
        found: Any = self.found(moment)
        sent, notices, controls, received = found or moment
        newest = rows.newest_first(received, sent, _merged(notices, controls))
        return rows.output(
            newest if earlier is None else earlier,
            # Of earlier rows, whoever shows them says which they are.
            seen=self.matched if earlier is None else 0,
            hidden=self.hidden,
            covered=self.covered,
            limit=limit,
            view=self.view,
            source_of=self.source_of,
            decoded=self.decodings.of,
        )

    @property
    def now(self) -> Moment:
        """What each log keeps now."""
        return Moment.of(self._journal)

    def _decoded_of(self, frame: Frame) -> Decoded | None:
        return self.decodings.of(frame) if self._criteria.reads(frame) else AS_IT_IS

    def _empty(self) -> None:
        if self._frozen is not None:
            self._frozen = self.now
        self.emptied += 1
        self.look_for(self._criteria)

    def _revise(self) -> None:
        self.revision += 1
        self.is_stale = True


def _merged(notices: Sequence[Notice], controls: Sequence[Control]) -> Sequence[Notice | Control]:
    """Return events in their order, oldest first."""
    events: list[Sequence[Notice | Control]] = [notices, controls]
    return [*merge(*events, key=order_of)] if controls else notices
