"""Which pages show a console, by what they say and by a manual clock."""

import pytest

from ipywsecho.widget.sight import GRACE, KEPT, PATIENCE, Sight
from tests.timing import ManualClock


class Site:
    """A sight, and what it has told.

    Attributes:
        told: "visible", "hidden", "left", "given up" and "ask", in their order.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self.clock = ManualClock()
        self.sight = Sight(
            ask=lambda: self.told.append("ask"),
            turned=lambda is_visible: self.told.append("visible" if is_visible else "hidden"),
            left=lambda: self.told.append("left"),
            given_up=lambda: self.told.append("given up"),
            call_later=self.clock.call_later,
        )

    def since(self) -> list[str]:
        """Return what it has told since the last call."""
        told, self.told[:] = [*self.told], []
        return told


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_console_that_no_page_has_shown_is_neither_hidden_nor_needed(site: Site) -> None:
    site.clock.advance(1_000)

    assert site.told == []
    assert site.sight.is_unneeded


def test_a_console_that_was_displayed_is_needed_until_a_page_has_shown_and_hidden_it(
    site: Site,
) -> None:
    site.sight.expect()
    site.clock.advance(1_000)
    assert not site.sight.is_unneeded

    site.sight.tell("A", 1)
    site.sight.tell("A", 0)
    site.clock.advance(GRACE + KEPT)

    assert site.sight.is_unneeded
    assert site.since() == ["hidden", "left", "given up"]


def test_a_console_that_is_replaced_before_a_page_has_shown_it_is_given_up(site: Site) -> None:
    site.sight.expect()
    site.sight.replace()

    assert site.since() == ["given up"]
    assert site.sight.is_unneeded
    site.sight.tell("A", 1)
    site.sight.replace()
    site.sight.tell("A", 0)
    site.sight.replace()
    assert site.since() == ["hidden"]


def test_the_last_view_leaves_after_the_grace_period(site: Site) -> None:
    site.sight.tell("A", 2)
    site.sight.tell("A", 1)
    assert site.since() == []

    site.sight.tell("A", 0)
    site.clock.advance(GRACE - 0.1)
    assert site.since() == ["hidden"]
    site.clock.advance(0.1)

    assert site.since() == ["left"]


def test_a_view_that_returns_in_time_leaves_nothing(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("A", 0)
    site.sight.tell("A", 1)
    site.clock.advance(1_000)

    assert site.since() == ["hidden", "visible"]


def test_a_view_that_returns_late_is_visible_again(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("A", 0)
    site.clock.advance(1_000)

    site.sight.tell("B", 1)

    assert site.since() == ["hidden", "left", "given up", "visible"]
    assert not site.sight.is_unneeded


def test_a_page_that_hides_it_has_the_others_asked_and_one_that_answers_keeps_it(
    site: Site,
) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("B", 1)

    site.sight.tell("A", 0)
    site.sight.tell("B", 1)
    site.clock.advance(1_000)

    assert site.since() == ["ask"]
    assert site.sight.is_known("B")
    site.sight.tell("B", 0)
    assert site.since() == ["hidden"]


def test_a_page_that_does_not_answer_is_gone(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("B", 1)

    site.sight.tell("A", 0)
    site.clock.advance(PATIENCE - 0.1)
    assert site.since() == ["ask"]
    site.clock.advance(0.1 + GRACE)

    assert site.since() == ["hidden", "left"]


def test_a_page_that_answers_late_shows_it_again(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("B", 1)
    site.sight.tell("A", 0)
    site.clock.advance(PATIENCE + GRACE)

    site.sight.tell("B", 1)

    assert site.since() == ["ask", "hidden", "left", "visible"]


def test_the_last_page_that_hides_it_during_a_roll_call_ends_the_call(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("B", 1)
    site.sight.tell("A", 0)
    site.sight.tell("B", 0)
    site.clock.advance(1_000)

    assert site.since() == ["ask", "hidden", "left", "given up"]


def test_a_console_that_is_used_on_a_page_thought_to_be_gone_is_visible(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("A", 0)
    site.clock.advance(GRACE)

    site.sight.hear("B")
    site.sight.tell("B", 1)
    site.clock.advance(1_000)

    assert site.since() == ["hidden", "left", "visible", "ask"]


def test_a_last_word_of_a_view_that_has_gone_does_not_keep_it(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("A", 0)

    site.sight.hear("A")
    site.clock.advance(PATIENCE + GRACE)

    assert site.since() == ["hidden", "visible", "ask", "hidden", "left"]


def test_a_page_that_counts_no_views_never_hides_it(site: Site) -> None:
    site.sight.hear("A")
    site.sight.tell("A", 0)
    site.clock.advance(1_000)

    assert site.told == []


def test_a_page_that_loads_has_time_to_show_it(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.load()
    assert site.since() == []
    site.sight.tell("A", 0)

    site.sight.load()
    site.clock.advance(PATIENCE - 0.1)
    assert site.since() == ["hidden", "visible"]
    site.clock.advance(0.1 + GRACE)

    assert site.since() == ["hidden", "left"]


def test_pages_are_asked_when_code_uses_what_seems_hidden(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.look()
    assert site.since() == []
    site.sight.tell("A", 0)

    site.sight.look()
    site.sight.tell("A", 1)

    assert site.since() == ["hidden", "ask", "visible"]


def test_nothing_happens_after_the_end(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("A", 0)

    site.sight.close()
    site.clock.advance(1_000)

    assert site.since() == ["hidden"]
    assert site.clock.waiting == []


def test_a_page_that_does_not_answer_is_gone_though_another_answers(site: Site) -> None:
    for page in ("A", "B", "C"):
        site.sight.tell(page, 1)

    site.sight.tell("A", 0)
    site.sight.tell("B", 1)
    site.clock.advance(PATIENCE)

    assert (site.sight.is_known("B"), site.sight.is_known("C")) == (True, False)
    assert site.since() == ["ask"]


def test_a_view_that_returns_in_time_after_a_roll_call_leaves_nothing(site: Site) -> None:
    site.sight.tell("A", 1)
    site.sight.tell("B", 1)
    site.sight.tell("A", 0)
    site.sight.tell("B", 0)
    site.sight.tell("B", 1)
    site.clock.advance(1_000)

    assert site.since() == ["ask", "hidden", "visible"]


def test_a_page_that_loads_hides_no_console_that_no_page_has_shown(site: Site) -> None:
    site.sight.load()
    site.clock.advance(1_000)

    assert site.told == []
    assert site.sight.is_unneeded
