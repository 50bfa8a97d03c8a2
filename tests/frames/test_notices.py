"""Which notices are kept, and what is counted instead."""

import pytest

from ipywsecho.frames import Notice
from ipywsecho.frames.notices import Notices


def kept(*notices: Notice) -> Notices:
    """Return these notices, each with its text as the cause."""
    notices_kept = Notices(lambda: None)
    for notice in notices:
        notices_kept.add(notice)
    return notices_kept


def error(time: float, text: str = "no server listens") -> Notice:
    """Return a notice of an error."""
    return Notice(time, text, is_error=True)


def test_an_error_that_happens_again_is_counted_in_its_notice() -> None:
    notices = kept(error(1.0), error(2.0), error(3.0))

    assert list(notices.kept) == [Notice(1.0, "no server listens", True, 3, 3.0)]


def test_an_error_is_counted_although_others_came_between() -> None:
    notices = kept(error(1.0), error(2.0, "the proxy failed"), error(3.0))

    assert [(each.text, each.occurrences) for each in notices.kept] == [
        ("no server listens", 2),
        ("the proxy failed", 1),
    ]


def test_what_happens_again_after_a_notice_of_another_kind_has_a_row_of_its_own() -> None:
    notices = kept(error(1.0), Notice(2.0, "connected"), error(3.0))

    assert [each.occurrences for each in notices.kept] == [1, 1, 1]


def test_only_errors_are_counted() -> None:
    notices = kept(Notice(1.0, "connected"), Notice(2.0, "connected"))

    assert [each.occurrences for each in notices.kept] == [1, 1]


def test_errors_with_the_same_cause_are_the_same_and_the_newest_text_is_kept() -> None:
    notices = Notices(lambda: None)
    notices.add(error(1.0, "ValueError: one"), "ValueError in f")
    notices.add(error(2.0, "ValueError: two"), "ValueError in f")

    assert list(notices.kept) == [Notice(1.0, "ValueError: two", True, 2, 2.0)]


@pytest.mark.parametrize("failures", [3_000, 100_000])
def test_an_error_that_happens_for_ever_pushes_no_other_notice_out(failures: int) -> None:
    notices = kept(Notice(0.0, "connected"))

    for number in range(failures):
        notices.add(error(float(number), f"ValueError: {number}"), "ValueError in f")

    assert [each.text for each in notices.kept] == ["connected", f"ValueError: {failures - 1}"]
    assert notices.kept[1].occurrences == failures


def test_an_error_whose_notice_is_forgotten_has_a_new_one() -> None:
    notices = kept(error(0.0), *(error(1.0, f"another {number}") for number in range(1_000)))

    notices.add(error(2.0))

    assert notices.kept[-1] == error(2.0)
    assert len(notices.kept) == 1_000


def test_errors_that_never_happen_again_take_bounded_memory() -> None:
    notices = kept(*(error(1.0, f"another {number}") for number in range(10_000)))

    assert len(notices._numbers) <= 2_001
    notices.add(error(2.0, "another 9999"))
    assert notices.kept[-1].occurrences == 2


def test_an_error_after_clearing_has_a_new_notice() -> None:
    notices = kept(error(1.0))
    notices.clear()

    notices.add(error(2.0))

    assert list(notices.kept) == [error(2.0)]


def test_a_loss_replaces_the_earlier_notice_of_it() -> None:
    notices = Notices(lambda: None)
    notices.add_loss(Notice(1.0, "2 were forgotten"), "a loop")
    notices.add(error(2.0))
    notices.add_loss(Notice(3.0, "5 were forgotten"), "a loop")

    assert [(each.text, each.occurrences) for each in notices.kept] == [
        ("5 were forgotten", 1),
        ("no server listens", 1),
    ]


def test_every_change_is_told() -> None:
    told: list[int] = []
    notices = Notices(lambda: told.append(len(notices.kept)))

    notices.add(error(1.0))
    notices.add(error(2.0))
    notices.add_loss(Notice(3.0, "2 were forgotten"), "a loop")

    assert told == [1, 1, 2]
