import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.frames import Control, Frame, FrameLog, Journal, Notice
from ipywsecho.view.catalog import Catalog, Row
from ipywsecho.view.finding import Criteria
from ipywsecho.view.order import Place
from ipywsecho.view.payloads import View
from ipywsecho.view.screen import Screen
from tests.markup import HOSTILE, unsafe_in

ALL = 10**9


class Stream:
    """Logs of both directions with notices, and the list of them."""

    def __init__(self, history: int = 1_000) -> None:
        self.journal = Journal(
            FrameLog(history, ALL), FrameLog(history, ALL), changed=lambda: None, name_of=str
        )
        self.screen = Screen(self.journal, lambda *_: None)
        self.catalog = Catalog(self.screen)
        self._now = 0.0

    def receive(self, *texts: str | bytes) -> None:
        for text in texts:
            self._now += 1
            self.journal.receive([Frame(text, self._now)])

    def send(self, *texts: str | bytes) -> None:
        for text in texts:
            self._now += 1
            self.journal.sent.append(Frame(text, self._now, sent=True))

    def notice(self, text: str) -> None:
        self._now += 1
        self.journal.add(Notice(self._now, text))

    def control(self, data: bytes) -> None:
        self._now += 1
        self.journal.control(Control(self._now, 9, data))

    def rows(self) -> list[Row]:
        """Search to the end, and return all rows."""
        assert self.screen.search(ALL)
        shape = self.catalog.refresh()
        return self.catalog.rows(0, shape.rows, ALL)

    def texts(self) -> list[str]:
        return [text_of(row) for row in self.rows()]


def text_of(row: Row) -> str:
    [line] = re.findall("<span>(.*)</span>", row.html)
    return unescape(re.sub("<[^>]*>", "", line))


def mixed() -> Stream:
    stream = Stream()
    stream.notice("connected")
    stream.send("question")
    stream.receive("answer")
    stream.control(b"hey")
    stream.receive("else")
    return stream


def test_frames_and_events_are_rows_in_their_order() -> None:
    rows = mixed().rows()

    assert [text_of(row) for row in rows] == [
        "connected",
        "question",
        "answer",
        "ping “hey”",
        "else",
    ]
    assert [row.kind for row in rows] == ["note", "sent", "got", "got", "got"]
    assert [row.number for row in rows] == [0, 1, 2, 0, 3]


def test_a_row_shows_number_time_direction_payload_kind_and_size() -> None:
    stream = Stream()
    stream.receive("<hi>")

    [row] = stream.rows()

    shown = re.sub(r"\d\d:\d\d:\d\d", "TIME", row.html)
    assert shown == (
        '<i>1</i><time>TIME.000</time><b title="received">↓</b>'
        "<span><bdi>&lt;hi&gt;</bdi></span><i>text</i><i>4 B</i>"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_shown_as_text(text: str) -> None:
    stream = Stream()
    stream.notice(text)
    stream.send(text)
    stream.receive(text, text.encode("utf-8", "replace"))
    stream.control(text.encode("utf-8", "replace")[:125])

    for row in stream.rows():
        assert unsafe_in(f"<div>{row.html}</div>") == []


def test_rows_that_do_not_fit_are_left_out() -> None:
    stream = Stream()
    stream.receive(*map(str, range(100)))
    stream.catalog.refresh()

    first = stream.catalog.rows(10, 90, 2_000)
    newest = stream.catalog.newest(50, 2_000)

    assert [text_of(row) for row in first] == [str(number) for number in range(10, 10 + len(first))]
    assert [text_of(row) for row in newest] == [str(each) for each in range(100 - len(newest), 100)]
    assert 10 < len(first) < 30
    assert len(stream.catalog.rows(10, 90, 1)) == 1
    assert len(stream.catalog.newest(7, ALL)) == 7


def test_the_older_rows_of_a_slow_log_stay_in_the_list() -> None:
    stream = Stream(history=3)
    stream.notice("connected")
    stream.send("question")
    stream.catalog.refresh()
    stream.receive(*map(str, range(100)))

    shape = stream.catalog.refresh()

    assert stream.texts() == ["connected", "question", "97", "98", "99"]
    assert (shape.older, shape.solid, shape.total) == (2, 99, 102)
    assert shape.kept == ((0, 1), (0, 1), (0, 0), (97, 100))


def test_an_entry_is_found_until_it_is_forgotten() -> None:
    stream = Stream(history=2)
    stream.receive("one")
    stream.catalog.refresh()
    place = Place(3, 0)
    entry = stream.catalog.entry(place)

    stream.receive("two", "three")
    stream.catalog.refresh()

    assert isinstance(entry, Frame)
    assert entry.data == "one"
    assert stream.catalog.entry(place) is None
    assert stream.catalog.entry(Place(3, 99)) is None


def test_a_paused_list_stands_still() -> None:
    stream = mixed()
    before = stream.texts()

    stream.screen.freeze()
    stream.receive("late")
    paused = stream.texts()
    stream.screen.thaw()

    assert paused == before
    assert stream.texts() == [*before, "late"]


def test_a_filtered_list_has_all_matches_and_their_numbers() -> None:
    stream = Stream(history=5_000)
    stream.receive(*map(str, range(4_000)))
    before = stream.catalog.refresh()

    stream.screen.look_for(Criteria("/7$/"))
    rows = stream.rows()
    stream.receive("7", "8", "17")
    more = stream.rows()
    shape = stream.catalog.refresh()

    assert [text_of(row) for row in rows] == [str(number) for number in range(7, 4_000, 10)]
    assert [row.number for row in rows] == list(range(8, 4_001, 10))
    assert [text_of(row) for row in more[400:]] == ["7", "17"]
    assert (shape.hidden, shape.epoch) == (3_601, before.epoch + 1)


def test_rows_become_others_with_the_view() -> None:
    stream = mixed()
    epoch = stream.catalog.refresh().epoch

    stream.screen.show_as(View.HEX)

    assert stream.catalog.refresh().epoch > epoch
    assert stream.texts()[2] == "61 6e 73 77 65 72  answer"


def test_a_cleared_list_is_empty() -> None:
    stream = mixed()
    epoch = stream.catalog.refresh().epoch

    stream.journal.clear()
    stream.screen.forget()

    shape = stream.catalog.refresh()
    assert (shape.rows, stream.texts()) == (0, [])
    assert shape.epoch > epoch

    stream.receive("new")
    assert [row.number for row in stream.rows()] == [4]


def test_rows_that_were_cleared_come_back_with_their_numbers() -> None:
    stream = mixed()
    before = [(row.number, text_of(row)) for row in stream.rows()]
    stream.screen.clear()
    cleared = stream.catalog.refresh()

    stream.receive("new")
    only = [(row.number, text_of(row)) for row in stream.rows()]
    stream.screen.uncover()

    assert (cleared.rows, cleared.covered, cleared.emptied) == (0, len(before), 1)
    assert only == [(4, "new")]
    assert [(row.number, text_of(row)) for row in stream.rows()] == [*before, (4, "new")]
    assert stream.catalog.refresh().covered == 0


@pytest.mark.parametrize("number", range(-1, 12))
def test_a_frame_is_found_by_its_number(number: int) -> None:
    stream = Stream(history=5)
    stream.notice("connected")
    stream.receive(*map(str, range(1, 9)))
    stream.notice("lost")
    stream.receive("9")
    rows = stream.rows()

    at = stream.catalog.find(number)

    expected = min(max(number, 5), 9)
    assert rows[at].number == expected


def test_a_number_is_found_in_an_empty_list() -> None:
    stream = Stream()
    stream.catalog.refresh()

    assert stream.catalog.find(1) == 0


def test_a_frame_that_the_filter_hides_leads_to_the_next() -> None:
    stream = Stream()
    stream.receive(*map(str, range(100)))
    stream.screen.look_for(Criteria("/5$/"))
    rows = stream.rows()

    places = [stream.catalog.find(number) for number in (1, 6, 7, 100)]

    assert [text_of(row) for row in rows[:3]] == ["5", "15", "25"]
    assert places == [0, 0, 1, 10]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["receive", "send", "notice", "freeze", "thaw", "clear"]),
            st.sampled_from(["filter", "unfilter", "look", "cover", "uncover"]),
        ),
        max_size=60,
    ),
    st.integers(1, 6),
)
def test_the_list_has_the_rows_that_the_output_has(steps: list[str], history: int) -> None:
    stream = Stream(history)
    for number, step in enumerate(steps):
        match step:
            case "receive" | "send" | "notice":
                getattr(stream, step)(str(number))
            case "freeze" | "thaw":
                getattr(stream.screen, step)()
            case "clear":
                stream.journal.clear()
                stream.screen.forget()
            case "cover":
                stream.screen.clear()
            case "uncover":
                stream.screen.uncover()
            case "filter":
                stream.screen.look_for(Criteria("1"))
            case "unfilter":
                stream.screen.look_for(Criteria())
            case "look":
                stream.screen.search(0)
        stream.catalog.refresh()

    texts = stream.texts()

    outputs = stream.screen.draw(ALL).outputs
    plain = outputs[0]["data"]["text/plain"] if outputs else ""
    drawn = re.findall(r"^\d\d:.*?  [↑↓—]  (\d+)", plain, re.MULTILINE)
    assert texts == drawn


def test_the_entries_before_a_place_come_newest_first() -> None:
    stream = mixed()
    stream.receive(*map(str, range(250)))
    count = stream.catalog.refresh().rows

    entries = list(stream.catalog.before(count - 1))

    expected = [stream.catalog.entry(Place(row.log, row.position)) for row in stream.rows()[:-1]]
    assert entries == expected[::-1]
    assert list(stream.catalog.before(0)) == []
