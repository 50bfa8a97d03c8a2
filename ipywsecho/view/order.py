"""Rows in the order in which they happened: the frames and events of several logs, numbered.

A log counts what it was ever given, so a place in it is a number that stays. The rows of several
logs together are numbered likewise, in the order of their times, and a number that a row has got
stays too. What is kept of this order is not the rows but its runs: stretches whose rows all come
from one log. So a flood in one direction costs next to nothing, and a row is found by bisection.

A log forgets its oldest rows, each at its own pace. So the rows that are kept are of two sorts:
from `solid` on, all of them are kept; before, a row here and there, of a log that is slow. Those
are the older rows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from ipywsecho.frames import order_of

__all__ = ["Kept", "Order", "Place"]

_SPARE = 256


class Kept(Protocol):
    """What a log keeps, oldest first."""

    @property
    def total(self) -> int:
        """How many entries it was ever given."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class Place(NamedTuple):
    """Where an entry is.

    Attributes:
        log: Index of its log.
        position: How many entries the log was given before it.
    """

    log: int
    position: int


class Order:
    """The order of the entries of several logs.

    Of entries with equal times, the one of the log with the smaller index counts as earlier.

    Args:
        logs: How many logs there are.
    """

    def __init__(self, logs: int) -> None:
        self._logs = range(logs)
        # For each run: its first row, its log, and how many entries of each log come before it.
        self._begins: list[int] = []
        self._owners: list[int] = []
        self._counts: list[tuple[int, ...]] = []
        self._totals = (0,) * logs
        self._firsts = [0] * logs
        self.solid = 0
        """The first row from which on every row is kept."""
        self.version = 0
        """Changes whenever one of the older rows is forgotten."""

    @property
    def total(self) -> int:
        """How many rows there ever were."""
        return sum(self._totals)

    @property
    def older(self) -> int:
        """How many rows before `solid` are kept."""
        counts = self.counts_before(self.solid)
        return sum(max(count - first, 0) for count, first in zip(counts, self._firsts, strict=True))

    def update(self, kept: Sequence[Kept]) -> None:
        """Number what has come since the last update, and note what was forgotten.

        Args:
            kept: What each log keeps now.
        """
        self._append(kept)
        self._forget([each.total - len(each) for each in kept])
        if len(self._begins) > _SPARE + 2 * sum(map(len, kept)):
            self._compact()

    def place_of(self, row: int) -> Place:
        """Return where the entry of a row is."""
        run = bisect_right(self._begins, row) - 1
        log = self._owners[run]
        return Place(log, self._counts[run][log] + row - self._begins[run])

    def row_of(self, place: Place) -> int:
        """Return the row of an entry that is kept."""
        log, position = place
        run = bisect_right(self._counts, position, key=lambda counts: counts[log]) - 1
        return self._begins[run] + position - self._counts[run][log]

    def counts_before(self, row: int) -> tuple[int, ...]:
        """Return how many entries of each log come before a row."""
        if row >= self.total:
            return self._totals
        run = bisect_right(self._begins, row) - 1
        counts = list(self._counts[run])
        counts[self._owners[run]] += row - self._begins[run]
        return tuple(counts)

    def row_after(self, count: int, logs: Sequence[int]) -> int:
        """Return the row of the next entry after so many entries of some of the logs."""
        run = bisect_right(self._counts, count, key=lambda each: sum(each[log] for log in logs)) - 1
        return self._begins[run] + count - sum(self._counts[run][log] for log in logs)

    def older_places(self) -> list[Place]:
        """Return where the entries of the older rows are, in their order."""
        last = bisect_left(self._begins, self.solid)
        ends = [*self._counts[1:last], self.counts_before(self.solid)] if last else []
        places: list[Place] = []
        for owner, counts, end in zip(self._owners, self._counts, ends, strict=False):
            begin = max(counts[owner], self._firsts[owner])
            places += (Place(owner, position) for position in range(begin, end[owner]))
        return places

    def _append(self, kept: Sequence[Kept]) -> None:
        counts = list(self._totals)
        for log, each in enumerate(kept):
            # What was forgotten before it could be numbered was at least counted.
            if (first := each.total - len(each)) > counts[log]:
                self._begin_run(log, counts)
                counts[log] = first
        waiting = [log for log in self._logs if counts[log] < kept[log].total]
        while waiting:
            heads = {log: _key(kept, log, counts[log]) for log in waiting}
            log = min(waiting, key=heads.__getitem__)
            others = [heads[other] for other in waiting if other != log]
            self._begin_run(log, counts)
            counts[log] = _end_of_run(kept, log, counts[log], min(others, default=None))
            if counts[log] == kept[log].total:
                waiting.remove(log)
        self._totals = tuple(counts)

    def _begin_run(self, log: int, counts: Sequence[int]) -> None:
        if not self._owners or self._owners[-1] != log:
            self._begins.append(sum(counts))
            self._owners.append(log)
            self._counts.append(tuple(counts))

    def _forget(self, firsts: list[int]) -> None:
        counts = self.counts_before(self.solid)
        solid = self.solid
        for log, first in enumerate(firsts):
            before = self._firsts[log]
            if first > before:
                solid = max(solid, self.row_of(Place(log, first - 1)) + 1)
                self.version += counts[log] > before
        self._firsts = firsts
        self.solid = solid

    def _compact(self) -> None:
        """Drop the runs of which nothing is kept."""
        ends = [after for _, after in pairwise([*self._counts, self._totals])]
        holding = [
            run
            for run, (owner, end) in enumerate(zip(self._owners, ends, strict=True))
            if end[owner] > self._firsts[owner] or run == len(ends) - 1
        ]
        self._begins = [self._begins[run] for run in holding]
        self._owners = [self._owners[run] for run in holding]
        self._counts = [self._counts[run] for run in holding]


_Key = tuple[float, int]


def _key(kept: Sequence[Kept], log: int, position: int) -> _Key:
    entries = kept[log]
    return order_of(entries[position - entries.total + len(entries)]), log


def _end_of_run(kept: Sequence[Kept], log: int, position: int, limit: _Key | None) -> int:
    """Return the first position after this one whose entry comes after a key."""
    total = kept[log].total
    if limit is None:
        return total
    # By doubled steps and then by bisection: most runs are short, and in a flood they are long.
    step, before = 1, position
    while before + step < total and _key(kept, log, before + step) < limit:
        before += step
        step *= 2
    low, high = before + 1, min(before + step, total)
    while low < high:
        middle = (low + high) // 2
        if _key(kept, log, middle) < limit:
            low = middle + 1
        else:
            high = middle
    return low
