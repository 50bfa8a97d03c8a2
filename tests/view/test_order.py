from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.frames import Frame
from ipywsecho.view.order import Order, Place

LOGS = 3


class Log(NamedTuple):
    """What a log keeps: frames, of all that it was given."""

    frames: Sequence[Frame]
    total: int

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:  # type: ignore[override]
        return self.frames[index]


def frames_at(*times: float) -> list[Frame]:
    return [Frame("", time) for time in times]


def order_of(*logs: Log) -> Order:
    order = Order(len(logs))
    order.update(logs)
    return order


def test_rows_are_numbered_in_the_order_of_their_times() -> None:
    order = order_of(Log(frames_at(1, 4, 5), 3), Log(frames_at(2, 3, 6), 3))

    places = [order.place_of(row) for row in range(order.total)]

    assert places == [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2), (1, 2)]
    assert [order.row_of(place) for place in places] == list(range(6))


def test_of_equal_times_the_log_with_the_smaller_index_comes_first() -> None:
    order = order_of(Log(frames_at(1, 1), 2), Log(frames_at(1), 1))

    assert [order.place_of(row).log for row in range(3)] == [0, 0, 1]


def test_a_row_keeps_its_number_when_others_come() -> None:
    order = order_of(Log(frames_at(1, 5), 2), Log((), 0))

    order.update([Log(frames_at(1, 5, 6), 3), Log(frames_at(3), 1)])

    assert [order.place_of(row) for row in range(4)] == [(0, 0), (0, 1), (1, 0), (0, 2)]


def test_what_was_forgotten_before_it_was_numbered_is_counted() -> None:
    order = order_of(Log(frames_at(7, 8), 1_000_002), Log(frames_at(1), 1))

    assert (order.total, order.solid, order.older) == (1_000_003, 1_000_000, 0)
    assert order.place_of(1_000_000) == (1, 0)


def test_a_row_that_a_slow_log_keeps_is_older_than_all_that_is_solid() -> None:
    order = order_of(Log(frames_at(1), 1), Log(frames_at(2, 3, 4), 3))

    order.update([Log(frames_at(1), 1), Log(frames_at(4), 3)])

    assert (order.solid, order.older, order.total) == (3, 1, 4)
    assert order.older_places() == [(0, 0)]
    assert order.version == 0

    order.update([Log((), 1), Log(frames_at(4), 3)])

    assert (order.older, order.version) == (0, 1)


def test_a_row_is_found_by_the_number_of_frames_before_it() -> None:
    order = order_of(Log(frames_at(1, 4), 2), Log(frames_at(2, 3), 2), Log(frames_at(5), 1))

    assert [order.row_after(count, [0, 2]) for count in range(3)] == [0, 3, 4]
    assert order.counts_before(3) == (1, 2, 0)


@pytest.mark.parametrize("logs", [1, 2])
def test_the_runs_of_what_was_forgotten_are_dropped(logs: int) -> None:
    order = Order(2)
    first = Log(frames_at(0), 1) if logs == 2 else Log((), 0)

    for number in range(1, 20_000):
        other = Log(frames_at(number), number) if number % 2 else Log((), number)
        order.update([first, other])

    assert len(order._begins) < 1_000
    assert order.place_of(order.total - 1).log == 1


@st.composite
def histories(draw: st.DrawFn) -> list[list[tuple[int, int]]]:
    """For each update: how many entries each log is given, and how many it forgets."""
    step = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=LOGS, max_size=LOGS)
    return draw(st.lists(step, max_size=12))


@given(histories(), st.randoms(use_true_random=False))
def test_every_kept_entry_has_a_row_and_keeps_it(
    history: list[list[tuple[int, int]]], random: object
) -> None:
    order = Order(LOGS)
    logs: list[list[Frame]] = [[] for _ in range(LOGS)]
    firsts = [0] * LOGS
    time = 0
    rows: dict[Place, int] = {}
    for step in history:
        given_to = [log for log, (count, _) in enumerate(step) for _ in range(count)]
        random.shuffle(given_to)  # type: ignore[attr-defined]
        for log in given_to:
            time += 1
            logs[log].append(Frame("", time))
        for log, (_, count) in enumerate(step):
            firsts[log] = min(firsts[log] + count, len(logs[log]))

        order.update([Log(log[first:], len(log)) for log, first in zip(logs, firsts, strict=True)])

        kept = {Place(log, at) for log in range(LOGS) for at in range(firsts[log], len(logs[log]))}
        found = {place: order.row_of(place) for place in kept}
        assert {place: order.place_of(row) for place, row in found.items()} == {
            place: place for place in kept
        }
        assert all(rows[place] == row for place, row in found.items() if place in rows)
        rows = found
        solid = {place for place in kept if found[place] >= order.solid}
        assert len(solid) == order.total - order.solid
        assert order.older_places() == sorted(kept - solid, key=found.__getitem__)
        assert order.older == len(kept - solid)
        # Each log's own order is kept.
        for log in range(LOGS):
            own = [found[Place(log, at)] for at in range(firsts[log], len(logs[log]))]
            assert own == sorted(own)


@given(st.lists(st.integers(0, LOGS - 1), max_size=60))
def test_entries_that_come_together_are_sorted(owners: list[int]) -> None:
    logs: list[list[Frame]] = [[] for _ in range(LOGS)]
    for time, owner in enumerate(owners):
        logs[owner].append(Frame("", time))

    order = order_of(*(Log(log, len(log)) for log in logs))

    assert [order.place_of(row).log for row in range(len(owners))] == owners
    ranks = [list(accumulate((owner == log for owner in owners), initial=0)) for log in range(LOGS)]
    for row in range(len(owners) + 1):
        assert order.counts_before(row) == tuple(rank[row] for rank in ranks)
