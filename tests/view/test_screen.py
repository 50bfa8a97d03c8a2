import re
from collections import deque
from typing import Any

import pytest

from ipywsecho.errors import InputError
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
        self.notices: deque[Notice] = deque()
        self.asked: list[Picture] = []
        self.screen = Screen(self.received, self.sent, lambda: tuple(self.notices), self.source_of)
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
        self.notices.append(Notice(self._now, text))

    def clear(self) -> None:
        for log in (self.received, self.sent):
            log.clear()
        self.notices.clear()
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
        "/(a|aa)+$/ takes too long on the notices (hidden by the filter); simplify the regular "
        "expression"
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


# Previews


def previewed(stream: Stream) -> list[str]:
    """Return the rows of a preview without their time and note."""
    html = stream.screen.preview()
    return [row.line[14:].removesuffix("  ") for row in Page(html).rows] if html else []


def drawn_with_parity(stream: Stream) -> str:
    """Draw, and return the parity of what was drawn."""
    [entry] = stream.screen.draw(10**9).outputs
    return str(re.findall('class="ipywsecho (even|odd)"', entry["data"]["text/html"])[0])


def test_a_preview_shows_the_rows_since_the_last_drawing() -> None:
    stream = mixed()
    stream.shown()

    stream.send("one")
    stream.receive("two")
    first = previewed(stream)
    stream.notice("lost")
    second = previewed(stream)
    stream.shown()

    assert first == ["↑  one", "↓  two"]
    assert second == ["↑  one", "↓  two", "—  lost"]
    assert previewed(stream) == []


def test_a_preview_may_show_notices_only() -> None:
    stream = mixed()
    stream.shown()

    stream.notice("lost")

    assert previewed(stream) == ["—  lost"]


def test_a_preview_shows_the_new_rows_that_the_log_still_keeps() -> None:
    stream = Stream()
    stream.received = FrameLog(2, 10**9)
    stream.screen = Screen(
        stream.received, stream.sent, lambda: tuple(stream.notices), stream.source_of
    )
    stream.receive("0", "1")
    stream.shown()

    stream.receive("2", "3", "4")

    assert previewed(stream) == ["↓  3", "↓  4"]


def test_many_new_rows_are_not_previewed() -> None:
    stream = mixed()
    stream.shown()

    stream.receive(*"123456789")
    few = previewed(stream)
    stream.notice("10")
    still_few = previewed(stream)
    stream.send("11")

    assert (len(few), len(still_few), previewed(stream)) == (9, 10, [])


def test_many_new_notices_are_not_previewed() -> None:
    stream = Stream()
    stream.notices = deque(maxlen=20)
    stream.screen = Screen(
        stream.received, stream.sent, lambda: tuple(stream.notices), stream.source_of
    )
    stream.notice("first")
    stream.shown()

    for number in range(30):
        stream.notice(str(number))

    assert previewed(stream) == []


def test_large_new_rows_are_not_previewed() -> None:
    stream = mixed()
    stream.shown()

    for _ in range(10):
        stream.receive('"' * 200)

    assert previewed(stream) == []


def test_changes_that_require_a_redraw_are_not_previewed() -> None:
    stream = Stream()
    stream.receive("first")
    before_any_drawing = previewed(stream)
    stream.shown()
    stream.receive("second")
    stream.screen.show_as(View.HEX)
    other_view = previewed(stream)
    stream.shown()
    stream.receive("third")
    stream.screen.look_for(Criteria("third"))
    stream.shown()
    stream.receive("fourth")
    filtered = previewed(stream)
    stream.screen.look_for(Criteria())
    stream.shown()
    stream.screen.freeze()
    stream.shown()
    stream.receive("fifth")
    paused = previewed(stream)

    assert [before_any_drawing, other_view, filtered, paused] == [[], [], [], []]


def test_nothing_is_previewed_below_an_empty_log() -> None:
    stream = mixed()
    stream.shown()
    stream.clear()
    stream.shown()

    stream.receive("first")

    assert previewed(stream) == []


def test_the_drawing_after_a_preview_has_the_other_parity() -> None:
    stream = mixed()

    first = drawn_with_parity(stream)
    stream.receive("one")
    without_preview = drawn_with_parity(stream)
    stream.receive("two")
    preview = stream.screen.preview()
    after_preview = drawn_with_parity(stream)
    again = drawn_with_parity(stream)

    assert (first, without_preview, after_preview, again) == ("even", "even", "odd", "odd")
    assert 'class="ipywsecho even"' in preview


# Control frames


def with_controls() -> Stream:
    stream = mixed()
    stream.notices.append(Control(6.0, 9, b"hey", sent=True))  # type: ignore[arg-type]
    stream.notices.append(Control(7.0, 10, b"hey"))  # type: ignore[arg-type]
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
