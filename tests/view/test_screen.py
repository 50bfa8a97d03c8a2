from typing import Any

import pytest

from ipywsecho.errors import InputError
from ipywsecho.frames import Journal
from ipywsecho.frames.log import Control, Frame, FrameLog, Notice
from ipywsecho.view.finding import Criteria
from ipywsecho.view.payloads import Kind, View
from ipywsecho.view.pictures import Picture
from ipywsecho.view.screen import Screen
from tests.markup import Page
from tests.view.test_pictures import picture

FOREVER = 1e9


class Stream:
    """Logs of both directions with notices, and a screen that shows them."""

    def __init__(self) -> None:
        self.received = FrameLog(1_000, 10**9)
        self.sent = FrameLog(1_000, 10**9)
        self.journal = Journal(self.received, self.sent, changed=lambda: None, name_of=str)
        self.asked: list[Picture] = []
        self.screen = Screen(self.journal, self.source_of)
        self._now = 0.0

    def source_of(self, _data: bytes, known: Picture) -> None:
        self.asked.append(known)

    def receive(self, *texts: str | bytes) -> None:
        for text in texts:
            self._now += 1
            self.received.append(Frame(text, self._now))

    def send(self, *texts: str | bytes) -> None:
        for text in texts:
            self._now += 1
            self.sent.append(Frame(text, self._now, sent=True))

    def notice(self, text: str) -> None:
        self._now += 1
        self.journal.add(Notice(self._now, text))

    def clear(self) -> None:
        self.journal.clear()
        self.screen.forget()

    def shown(self, limit: int = 10**9) -> list[str]:
        """Search to the end, and return the rows without their time and note."""
        assert self.screen.search(FOREVER) is True
        outputs: tuple[dict[str, Any], ...] = self.screen.draw(limit).outputs
        rows = Page(outputs[0]["data"]["text/html"]).rows if outputs else []
        return [row.line[14:].removesuffix("  ") if row.note else row.line[-60:] for row in rows]


def mixed() -> Stream:
    stream = Stream()
    stream.notice("connected")
    stream.send("question")
    stream.receive("answer", '["answer"]', "else")
    return stream


# Unfiltered


def test_empty_logs_show_nothing() -> None:
    assert Stream().shown() == []


def test_frames_and_notices_are_shown_in_order() -> None:
    rows = mixed().shown()

    assert [row.split("  ")[-1] for row in rows] == [
        "connected",
        "question",
        "answer",
        '["answer"]',
        "else",
    ]


def test_frames_that_do_not_fit_or_were_forgotten_are_counted() -> None:
    stream = Stream()
    stream.receive(*map(str, range(1_500)))

    rows = stream.shown(limit=1)
    kept = stream.shown()

    assert rows == ["… 1,499 earlier frames", "↓  1499"]
    assert kept[:2] == ["… 500 earlier frames", "↓  500"]


def test_payloads_are_shown_in_the_chosen_view() -> None:
    stream = mixed()
    stream.shown()

    stream.screen.show_as(View.HEX)

    assert stream.screen.is_stale
    (entry,) = stream.screen.draw(10**9).outputs
    assert "61 6e 73 77 65 72   answer  (text as bytes, 6 B)" in entry["data"]["text/plain"]


def test_pictures_are_requested_from_their_source() -> None:
    stream = Stream()
    stream.receive(picture("PNG", (3, 4)))

    stream.shown()

    assert stream.asked == [Picture("PNG", (3, 4))]


# Paused


def test_new_frames_are_shown_only_after_the_view_is_resumed() -> None:
    stream = mixed()
    before = stream.shown()

    stream.screen.freeze()
    stream.receive("late")
    stream.send("late too")
    stream.notice("lost")
    frozen = stream.shown()
    stream.screen.thaw()
    after = stream.shown()

    assert frozen == before
    assert len(after) == len(before) + 3


def test_frames_since_the_pause_are_counted() -> None:
    stream = mixed()
    counts = [stream.screen.waiting]

    stream.screen.freeze()
    counts.append(stream.screen.waiting)
    stream.receive("late", "later")
    stream.send("late too")
    stream.notice("lost")
    counts.append(stream.screen.waiting)
    stream.screen.thaw()
    counts.append(stream.screen.waiting)

    assert counts == [None, 0, 3, None]


def test_pausing_twice_keeps_the_first_moment() -> None:
    stream = mixed()
    stream.screen.freeze()
    stream.receive("late")

    stream.screen.freeze()

    assert stream.screen.waiting == 1
    assert "↓  late" not in stream.shown()


def test_a_paused_view_is_drawn_once_and_again_after_a_change_of_the_view() -> None:
    stream = mixed()
    before = stream.screen.is_still

    stream.screen.freeze()
    frozen = stream.screen.is_still
    stream.screen.draw(10**9)
    drawn = stream.screen.is_still
    stream.receive("late")
    received = stream.screen.is_still
    stream.screen.show_as(View.TEXT)
    changed = stream.screen.is_still
    stream.screen.thaw()
    stream.screen.draw(10**9)

    assert (before, frozen, drawn, received, changed) == (False, False, True, True, False)
    assert not stream.screen.is_still


def test_a_paused_view_still_shows_frames_that_the_log_has_forgotten() -> None:
    stream = Stream()
    stream.receive(*map(str, range(1_000)))
    stream.screen.freeze()
    before = stream.shown()

    stream.receive(*map(str, range(1_000, 3_000)))

    assert stream.shown() == before
    assert before[-1] == "↓  999"


def test_clearing_empties_a_paused_view_which_stays_paused() -> None:
    stream = mixed()
    stream.screen.freeze()
    stream.receive("late")

    stream.clear()
    stream.receive("later")
    cleared = stream.shown()
    waiting = stream.screen.waiting
    stream.screen.thaw()

    assert (cleared, waiting) == ([], 1)
    assert stream.shown() == ["↓  later"]


def test_what_is_cleared_is_kept_and_can_be_shown_again() -> None:
    stream = mixed()
    everything = stream.shown()

    stream.screen.clear()
    cleared = stream.shown()
    stream.receive("later")
    later = stream.shown()
    stream.screen.uncover()

    hidden = f"{len(everything)} earlier rows hidden by Clear"
    assert cleared == [f"no frames yet · {hidden}"]
    assert later == [hidden, "↓  later"]
    assert stream.shown() == [*everything, "↓  later"]


def test_a_paused_view_that_is_cleared_stays_paused() -> None:
    stream = mixed()
    everything = stream.shown()
    stream.screen.freeze()
    stream.receive("late")

    stream.screen.clear()
    stream.receive("later")
    cleared, waiting = stream.shown(), stream.screen.waiting
    stream.screen.uncover()
    uncovered = stream.shown()
    stream.screen.thaw()

    assert cleared == [f"no frames yet · {len(everything) + 1} earlier rows hidden by Clear"]
    assert waiting == 1
    assert uncovered == [*everything, "↓  late"]
    assert stream.shown() == [*everything, "↓  late", "↓  later"]


def test_a_view_that_is_cleared_keeps_its_filter() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    stream.shown()

    stream.screen.clear()
    stream.receive("answer", "else")
    cleared = stream.shown()
    stream.screen.uncover()

    assert cleared == ["1 hidden by the filter · 5 earlier rows hidden by Clear", "↓  answer"]
    assert stream.shown()[-3:] == ["↓  answer", '↓  ["answer"]', "↓  answer"]


def test_what_the_log_forgets_is_not_counted_as_cleared() -> None:
    stream = mixed()
    stream.screen.clear()

    stream.clear()

    assert (stream.screen.covered, stream.shown()) == (0, [])


# Filters


def test_only_matching_frames_are_shown_and_the_others_are_counted() -> None:
    stream = mixed()

    stream.screen.look_for(Criteria("answer"))

    assert stream.shown() == ["2 hidden by the filter", "↓  answer", '↓  ["answer"]']


@pytest.mark.parametrize(
    ("criteria", "rows"),
    [
        (Criteria(sent=True), ["3 hidden by the filter", "↑  question"]),
        (Criteria(kind=Kind.JSON), ["3 hidden by the filter", '↓  ["answer"]']),
        (Criteria("answer", False, Kind.TEXT), ["3 hidden by the filter", "↓  answer"]),
        (Criteria("/^q/"), ["3 hidden by the filter", "↑  question"]),
        (Criteria("nowhere"), ["4 hidden by the filter"]),
    ],
)
def test_frames_are_filtered_by_text_direction_and_kind(
    criteria: Criteria, rows: list[str]
) -> None:
    stream = mixed()

    stream.screen.look_for(criteria)

    assert stream.shown() == rows


@pytest.mark.parametrize(
    ("criteria", "is_shown"),
    [
        (Criteria(), True),
        (Criteria("connected"), True),
        (Criteria("/^CONN/i"), True),
        (Criteria("question"), False),
        (Criteria(sent=False), False),
        (Criteria("connected", sent=True), False),
        (Criteria("connected", kind=Kind.TEXT), False),
    ],
)
def test_notices_are_filtered_by_text_and_hidden_by_direction_and_kind(
    criteria: Criteria, is_shown: bool
) -> None:
    stream = mixed()

    stream.screen.look_for(criteria)

    assert any(row.endswith("—  connected") for row in stream.shown()) is is_shown


def test_later_frames_are_filtered_too() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    stream.shown()

    stream.receive("another answer", "and else")

    assert stream.shown() == [
        "3 hidden by the filter",
        "↓  answer",
        '↓  ["answer"]',
        "↓  another answer",
    ]


def test_matches_that_were_forgotten_are_counted_separately() -> None:
    stream = Stream()
    stream.screen.look_for(Criteria("/0$/"))
    for _ in range(3):
        stream.receive(*map(str, range(500)))
        stream.screen.search(FOREVER)

    rows = stream.shown()

    assert rows[0] == "… 50 earlier frames · 1,350 hidden by the filter"
    assert len(rows) == 1 + 100


def test_an_invalid_regular_expression_is_rejected_and_the_filter_is_unchanged() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    before = stream.shown()

    with pytest.raises(InputError):
        stream.screen.look_for(Criteria("/[/"))
    stream.receive("no match")

    assert stream.shown() == ["3 hidden by the filter", *before[1:]]


ENDLESS = "a" * 60 + "b"


def test_frames_that_take_too_long_to_search_are_hidden_and_told() -> None:
    stream = mixed()
    stream.receive(ENDLESS, "aaa")
    stream.send(ENDLESS, ENDLESS)

    stream.screen.look_for(Criteria("/(a|aa)+$/"))

    assert stream.screen.complaint is None
    assert stream.shown() == ["7 hidden by the filter", "↓  aaa"]
    assert str(stream.screen.complaint) == (
        "/(a|aa)+$/ takes too long on received frame 4, sent frame 3, 1 more (hidden by the "
        "filter); simplify the regular expression"
    )
    stream.screen.look_for(Criteria("answer"))
    stream.shown()
    assert stream.screen.complaint is None


def test_notices_that_take_too_long_to_search_are_hidden_and_told() -> None:
    stream = Stream()
    for number in range(1_000):
        stream.notice(f"{ENDLESS}{number}b")

    stream.screen.look_for(Criteria("/(a|aa)+$/"))

    assert stream.shown() == []
    assert str(stream.screen.complaint) == (
        "/(a|aa)+$/ takes too long on notice 1,000, 999 more (hidden by the filter); simplify the "
        "regular expression"
    )


def test_removing_the_filter_shows_all_frames_again() -> None:
    stream = mixed()
    before = stream.shown()
    stream.screen.look_for(Criteria("answer"))
    stream.shown()

    stream.screen.look_for(Criteria())

    assert stream.shown() == before


def test_filtering_a_paused_view_does_not_show_later_matches() -> None:
    stream = mixed()
    stream.screen.freeze()
    stream.receive("late answer")

    stream.screen.look_for(Criteria("answer"))
    frozen = stream.shown()
    stream.screen.thaw()
    after = stream.shown()

    assert frozen == ["2 hidden by the filter", "↓  answer", '↓  ["answer"]']
    assert after == [*frozen, "↓  late answer"]


def test_pausing_a_filtered_view_does_not_show_later_matches() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    before = stream.shown()

    stream.screen.freeze()
    stream.receive("late answer")

    assert stream.shown() == before
    assert stream.screen.waiting == 1


def test_clearing_keeps_the_filter_and_resets_the_counts() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    stream.shown()

    stream.clear()
    empty = stream.shown()
    stream.receive("answer", "else")

    assert empty == []
    assert stream.shown() == ["1 hidden by the filter", "↓  answer"]


def test_a_long_search_runs_in_parts_and_shows_matches_early() -> None:
    stream = Stream()
    stream.receive(*map(str, range(1_000)))
    stream.screen.look_for(Criteria("9"))

    is_done = stream.screen.search(0)
    shown = stream.screen.draw(10**9).outputs[0]["data"]["text/plain"]
    parts = 1
    while not stream.screen.search(0):
        parts += 1

    assert is_done is False
    assert "↓  999" in shown
    assert "↓  9  " not in shown
    assert parts > 1
    assert len(stream.shown()) == 1 + 271


def test_a_search_makes_a_paused_view_stale() -> None:
    stream = mixed()
    stream.screen.look_for(Criteria("answer"))
    stream.screen.freeze()
    stream.screen.draw(10**9)

    stream.screen.search(FOREVER)

    assert not stream.screen.is_still


# Control frames


def with_controls() -> Stream:
    stream = mixed()
    stream.journal.control(Control(6.0, 9, b"hey", sent=True))
    stream.journal.control(Control(7.0, 10, b"hey"))
    return stream


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(kind=Kind.CONTROL), ["ping “hey”", "pong “hey”"]),
        (Criteria(kind=Kind.CONTROL, sent=True), ["ping “hey”"]),
        (Criteria(sent=False), ["pong “hey”"]),
        (Criteria("pong"), ["pong “hey”"]),
        (Criteria(kind=Kind.TEXT), []),
    ],
)
def test_control_frames_are_filtered_by_kind_direction_and_text(
    criteria: Criteria, found: list[str]
) -> None:
    stream = with_controls()

    stream.screen.look_for(criteria)

    shown = [row for row in stream.shown() if "hey" in row]
    assert [row[row.index("p") :] for row in shown] == found


def test_control_frames_are_shown_among_the_others() -> None:
    assert [row.split("  ")[-1] for row in with_controls().shown()][-2:] == [
        "ping “hey”",
        "pong “hey”",
    ]
