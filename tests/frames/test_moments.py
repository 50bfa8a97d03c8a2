"""Order by a clock that never steps back, whatever the wall clock does."""

import copy
import json
import pickle
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.frames import Frame, Moment, Notice, now, order_of
from ipywsecho.frames.moments import Clock

NOON = 1_740_819_600.0


class Hands:
    """A wall clock and a steady clock, both moved by hand."""

    def __init__(self) -> None:
        self.wall = NOON
        self.steady = 5.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clock(hands: Hands) -> Clock:
    return Clock(lambda: hands.wall, lambda: hands.steady)


def test_a_moment_is_the_time_of_the_wall_clock(clock: Clock, hands: Hands) -> None:
    first = clock()
    hands.pass_by(2.5)
    second = clock()

    assert (first, second) == (NOON, NOON + 2.5)
    assert second.order - first.order == pytest.approx(2.5)


def test_a_wall_clock_set_back_is_shown_and_changes_no_order(clock: Clock, hands: Hands) -> None:
    before = clock()
    hands.wall -= 3600
    hands.pass_by(1)
    after = clock()

    assert after == NOON - 3599
    assert after.order > before.order
    assert after.order - before.order == pytest.approx(1)


def test_after_a_wall_clock_was_set_forward_order_follows_it(clock: Clock, hands: Hands) -> None:
    before = clock()
    hands.wall += 3600

    assert clock().order - before.order == pytest.approx(3600)


def test_moments_at_the_same_time_have_an_order(clock: Clock) -> None:
    moments = [clock() for _ in range(100)]

    assert len(set(moments)) == 1
    assert all(a.order < b.order for a, b in pairwise(moments))


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0, 1e3)), max_size=40))
def test_order_grows_whatever_the_wall_clock_does(steps: list[tuple[float, float]]) -> None:
    hands = Hands()
    clock = Clock(lambda: hands.wall, lambda: hands.steady)
    moments = [clock()]

    for jump, seconds in steps:
        hands.wall += jump
        hands.pass_by(seconds)
        moments.append(clock())

    assert all(a.order < b.order for a, b in pairwise(moments))


def test_entries_with_plain_times_are_ordered_by_these() -> None:
    entries = [Notice(3.0, "c"), Frame("a", 1.0), Frame("b", 2)]

    assert [entry.time for entry in sorted(entries, key=order_of)] == [1.0, 2, 3.0]


def test_a_moment_is_a_float_wherever_it_goes() -> None:
    moment = now()
    frame = Frame("x", moment)

    assert isinstance(moment, float)
    assert json.loads(json.dumps([moment])) == [moment]
    assert repr(moment) == repr(float(moment))
    assert pd.DataFrame([frame])["time"].dtype == float
    for copied in (copy.copy(frame), copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):
        assert copied == frame
        assert isinstance(copied.time, Moment)
        assert copied.time.order == moment.order
