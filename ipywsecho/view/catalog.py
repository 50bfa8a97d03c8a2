"""All that a list can show: each row by its place, filtered and paused as the screen is."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from ipywsecho.escaping import visible
from ipywsecho.frames import AS_IT_IS, Control, Decoded, Frame, Notice
from ipywsecho.view.lines import line_of
from ipywsecho.view.moment import Moment
from ipywsecho.view.order import Kept, Order, Place
from ipywsecho.view.rows import clock, text_of, weight_of, words_of
from ipywsecho.view.screen import Screen

if TYPE_CHECKING:
    from ipywsecho.view.matches import Found

__all__ = ["Catalog", "Row", "Shape"]

_STEP = 100
_LOGS = len(Moment._fields)
_FRAMES = (Moment._fields.index("sent"), Moment._fields.index("received"))


class Shape(NamedTuple):
    """How many rows a list has, and how they are numbered.

    Attributes:
        epoch: Grows whenever all numbers, or the rows themselves, become others.
        older: How many rows stand first that have no number that stays.
        version: Grows whenever one of those goes.
        solid: The number of the row after them; from there on rows are numbered one by one.
        total: The number that the next row will have.
        frames: How many of the rows there ever were are frames.
        hidden: How many frames the filter hides.
        forgotten: How many frames that would be shown are not kept any more.
        recounted: How often something that happened again was counted in its row.
        covered: How many rows *Clear* hides.
        emptied: How often all rows were removed.
        kept: For each log, the position of the first entry that it keeps, and of the next to come,
            also while the list stands still.
    """

    epoch: int
    older: int
    version: int
    solid: int
    total: int
    frames: int
    hidden: int
    forgotten: int
    recounted: int
    covered: int
    emptied: int
    kept: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        """How many rows the list has."""
        return self.older + self.total - self.solid


class Row(NamedTuple):
    """A row of a list.

    Attributes:
        log: Which log it is from.
        position: Its place in that log.
        number: The number of a frame among all frames, from 1 on, or 0 for what is no frame.
        kind: "sent", "got", "note" or "error".
        html: What it shows.
        is_ready: Whether it will not show more in a while.
    """

    log: int
    position: int
    number: int
    kind: str
    html: str
    is_ready: bool


class Catalog:
    """The rows of a screen as a list that can be read from any place.

    Nothing is done for a frame until somebody asks, and then next to nothing for each.

    Args:
        screen: What is shown.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._whole = Order(_LOGS)
        self._chosen = self._whole
        self._moment = screen.moment
        self._found: Sequence[Found] = ()
        self._epoch = 0
        self._based_on: tuple[int, int] = (-1, 0)
        self._begins = screen.begins

    def refresh(self) -> Shape:
        """Take in what has happened, and return how many rows there are now."""
        screen = self._screen
        moment = self._moment = screen.moment
        kept: Sequence[Kept] = moment
        if screen.begins != self._begins:
            # An order forgets rows, but does not get them back.
            self._begins = screen.begins
            self._whole = Order(_LOGS)
        self._whole.update(kept)
        found = screen.found(moment)
        based_on = (screen.revision, screen.found_before)
        if based_on != self._based_on:
            self._based_on = based_on
            self._epoch += 1
            self._chosen = self._whole if found is None else Order(_LOGS)
        if found is not None:
            self._chosen.update(found)
        self._found = found or ()
        order = self._chosen
        logs = kept if found is None else found
        return Shape(
            self._epoch,
            order.older,
            order.version,
            order.solid,
            order.total,
            sum(logs[log].total for log in _FRAMES),
            screen.hidden,
            screen.matched - sum(len(logs[log]) for log in _FRAMES),
            screen.recounted,
            screen.covered,
            screen.emptied,
            tuple((each.total - len(each), each.total) for each in screen.now),
        )

    def rows(self, start: int, stop: int, limit: int) -> list[Row]:
        """Return the rows from one place in the list up to another, as many as fit.

        Args:
            start: The first place.
            stop: The place after the last.
            limit: Bytes that they may take, about; one row may take more.
        """
        self._screen.decodings.begin()
        return list(_fitting(map(self._row, self._places(start, stop)), limit))

    def newest(self, most: int, limit: int) -> list[Row]:
        """Return the last rows of the list, as many as fit, in their order."""
        self._screen.decodings.begin()
        count = self._chosen.older + self._chosen.total - self._chosen.solid
        places = self._places(max(count - most, 0), count)
        return list(_fitting(map(self._row, reversed(places)), limit))[::-1]

    def before(self, place: int) -> Iterator[Frame | Notice | Control]:
        """Yield the entries before a place in the list, newest first."""
        for stop in range(place, 0, -_STEP):
            for each in reversed(self._places(max(stop - _STEP, 0), stop)):
                entry = self.entry(each)
                assert entry is not None
                yield entry

    def entry(self, place: Place) -> Frame | Notice | Control | None:
        """Return what is at a place in a log, or `None` if it was forgotten."""
        kept: Kept = self._moment[place.log]
        index = place.position - kept.total + len(kept)
        return kept[index] if 0 <= index < len(kept) else None

    def decoded(self, entry: Frame | Notice | Control) -> Decoded:
        """Return what is made of an entry, however long that takes; on any thread."""
        return self._screen.decodings.make(entry) if isinstance(entry, Frame) else AS_IT_IS

    def number_of(self, place: Place) -> int:
        """Return the number of a frame that is kept, or 0 for what is no frame."""
        if place.log not in _FRAMES:
            return 0
        counts = self._whole.counts_before(self._whole.row_of(place))
        return 1 + sum(counts[log] for log in _FRAMES)

    def find(self, number: int) -> int:
        """Return the place in the list of a frame, or of the next one that is shown."""
        whole, order, found = self._whole, self._chosen, self._found
        last = sum(self._moment[log].total for log in _FRAMES)
        row = whole.row_after(min(max(number, 1), last) - 1, _FRAMES) if last else 0
        if order is not whole:
            # Of each log, those that are found before.
            before = whole.counts_before(row)
            row = sum(
                each.total - len(each) + bisect_left(each.numbers, count)
                for each, count in zip(found, before, strict=True)
            )
        if row >= order.solid:
            at = order.older + row - order.solid
        else:
            at = bisect_left([order.row_of(place) for place in order.older_places()], row)
        # What happened just before is not what is looked for.
        while (places := self._places(at, at + 1)) and places[0].log not in _FRAMES:
            at += 1
        return at

    def _places(self, start: int, stop: int) -> list[Place]:
        """Return where the entries of some rows are, by their places in the list."""
        order = self._chosen
        older, solid = order.older, order.solid
        places = order.older_places()[start:stop] if start < older else []
        first = solid + max(start - older, 0)
        last = min(solid + stop - older, order.total)
        places += (order.place_of(row) for row in range(first, last))
        if order is self._whole:
            return places
        # The places among what was found, in the logs themselves.
        found = self._found
        return [
            Place(log, found[log].numbers[position - found[log].total + len(found[log])])
            for log, position in places
        ]

    def _row(self, place: Place) -> Row:
        entry = self.entry(place)
        assert entry is not None
        number = self.number_of(place)
        if isinstance(entry, Notice):
            kind = "error" if entry.is_error else "note"
            html = _html(number, entry.time, "—", "event", _plain(words_of(entry)))
            # The same error may happen again.
            return Row(*place, number, kind, html, is_ready=False)
        kind, mark, title = ("sent", "↑", "sent") if entry.sent else ("got", "↓", "received")
        if isinstance(entry, Control):
            html = _html(number, entry.time, mark, title, _plain(text_of(entry)))
            return Row(*place, number, kind, html, is_ready=True)
        screen = self._screen
        line = line_of(entry, screen.view, screen.source_of, screen.decodings.of(entry))
        html = _html(number, entry.time, mark, title, line.html, line.what, line.size)
        return Row(*place, number, kind, html, line.is_ready)


def _html(
    number: int, moment: float, mark: str, title: str, line: str, what: str = "", size: str = ""
) -> str:
    return (
        f"<i>{number or ''}</i><time>{clock(moment)}</time>"
        f'<b title="{title}">{mark}</b><span>{line}</span><i>{what}</i><i>{size}</i>'
    )


def _plain(text: str) -> str:
    return f"<bdi>{escape(visible(text), quote=False)}</bdi>"


def _fitting(rows: Iterator[Row], limit: int) -> Iterator[Row]:
    size = 0
    for row in rows:
        if size and size + weight_of(row.html) > limit:
            return
        size += weight_of(row.html) + 24
        yield row
