"""How a soak counts frames, and a short soak."""

from ipywsecho import Frame
from tests.system.soak import Outcome, Tally, compared, soaked
from tests.system.wire import Report, Stretch


def tally_of(*numbers: int) -> Tally:
    tally = Tally(len(numbers))
    for number in numbers:
        tally.take(Frame(f"{number:032}", 0.0))
    return tally


def judged(tally: Tally, *stretches: Stretch) -> Outcome:
    return compared(tally, Report(sent=1_000, stretches=list(stretches)))


def test_numbers_in_order_are_stored_as_one_span_per_run() -> None:
    tally = tally_of(0, 1, 2, 5, 6)

    assert tally.spans == [(0, 3), (5, 7)]
    assert (tally.received, tally.doubled, tally.late) == (5, 0, 0)
    assert tally.is_complete.is_set()


def test_a_repeated_number_is_doubled_and_one_that_fills_a_gap_is_late() -> None:
    tally = tally_of(0, 1, 4, 1, 2)

    assert (tally.doubled, tally.late) == (1, 1)


def test_everything_passed_on_before_a_cut_must_arrive() -> None:
    outcome = judged(tally_of(0, 1, 5), Stretch(0, 3, "cut"), Stretch(5, 6, "left"))

    assert (outcome.passed, outcome.missing, outcome.lost, outcome.faults) == (4, 1, 0, 1)


def test_a_reset_may_lose_the_end_of_a_stretch() -> None:
    outcome = judged(tally_of(0, 1), Stretch(0, 3, "reset"), Stretch(5, 6, "left"))

    assert (outcome.passed, outcome.missing, outcome.lost, outcome.faults) == (4, 0, 2, 0)


def test_a_reset_may_not_lose_a_frame_before_one_that_arrived() -> None:
    outcome = judged(tally_of(0, 2), Stretch(0, 3, "reset"))

    assert (outcome.missing, outcome.lost) == (1, 0)


def test_frames_that_were_not_passed_on_are_foreign() -> None:
    outcome = judged(tally_of(0, 1, 2), Stretch(0, 2, "cut"))

    assert (outcome.foreign, outcome.faults) == (1, 1)


async def test_dropped_connections_lose_only_frames_that_the_wire_loses() -> None:
    outcome = await soaked(20_000, 4, seed=1)

    assert outcome.faults == 0
    assert outcome.tally.received >= 20_000
    assert outcome.fates["cut"] + outcome.fates["reset"] == 4
    assert len(outcome.tally.memory) == 3
