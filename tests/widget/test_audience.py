from ipywsecho.widget.audience import PATIENCE, Audience
from tests.timing import ManualClock


def test_there_is_an_audience_while_a_page_shows_the_list() -> None:
    audience = Audience()

    before = bool(audience)
    audience.enter("a", follows=False)
    audience.enter("b", follows=True)
    both = bool(audience), audience.follows
    audience.leave("b")
    one = bool(audience), audience.follows
    audience.leave("a")
    audience.leave("a")

    assert (before, both, one, bool(audience)) == (False, (True, True), (True, False), False)


def test_a_page_that_answers_stays() -> None:
    clock = ManualClock()
    audience = Audience(clock)
    audience.enter("a", follows=True)

    for _ in range(10):
        audience.told()
        clock.advance(PATIENCE / 2)
        audience.answered("a")
    audience.answered("unknown")

    assert audience


def test_a_page_that_is_told_nothing_need_not_answer() -> None:
    clock = ManualClock()
    audience = Audience(clock)
    audience.enter("a", follows=True)

    clock.advance(100 * PATIENCE)
    audience.told()

    assert audience


def test_a_page_that_does_not_answer_is_gone() -> None:
    clock = ManualClock()
    audience = Audience(clock)
    audience.enter("a", follows=True)

    audience.told()
    clock.advance(PATIENCE)
    audience.told()
    in_time = bool(audience)
    clock.advance(0.1)
    audience.told()

    assert (in_time, bool(audience)) == (True, False)
