import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ipywsecho.frames import Frame, FrameLog, Journal, Notice
from ipywsecho.view import Catalog, Decodings, Screen, View
from ipywsecho.widget.audience import PATIENCE
from ipywsecho.widget.channel import Message
from ipywsecho.widget.listing import Listing
from tests.timing import ManualClock, most_in_a_second

ALL = 10**9


class Pages:
    """Stands for the way to the pages: keeps what they are told, and says what they say."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._hearers: dict[str, Callable[[Message], object]] = {}
        self.told: list[Message] = []
        self.sizes: list[tuple[float, int]] = []

    def hear(self, kind: str, hearer: Callable[[Message], object]) -> None:
        self._hearers[kind] = hearer

    def attend(self, hearer: Callable[[Message], object]) -> None:
        self._attend = hearer

    def tell(self, message: Message, buffers: Sequence[bytes] = ()) -> None:
        text = json.dumps(message)
        self.sizes.append((self._clock.now, len(text) + sum(map(len, buffers))))
        # As it reaches a page.
        self.told.append(json.loads(text))

    def say(self, kind: str, page: str = "a", **content: Any) -> None:
        message = {"kind": kind, "page": page, **content}
        self._attend(message)
        if hearer := self._hearers.get(kind):
            hearer(message)


class Stage:
    """A list with a log behind it, and pages before it."""

    def __init__(self, history: int = 10_000, decodings: Decodings | None = None) -> None:
        self.clock = ManualClock()
        self.journal = Journal(
            FrameLog(history, ALL), FrameLog(history, ALL), changed=lambda: None, name_of=str
        )
        self.screen = Screen(self.journal, lambda *_: None, decodings)
        self.pages = Pages(self.clock)
        self.requests = 0
        self.listing = Listing(
            self.pages,  # type: ignore[arg-type]
            Catalog(self.screen),
            call=lambda function, *arguments: function(*arguments),
            request=self._request,
        )
        self.listing.audience._clock = self.clock
        self.listing.attach(self.clock.call_later, self.clock)
        self.total = 0

    def _request(self) -> None:
        self.requests += 1

    def receive(self, count: int, text: str = "frame {}") -> None:
        for _ in range(count):
            self.journal.receive([Frame(text.format(self.total), float(self.total))])
            self.total += 1

    def push(self, limit: int = ALL) -> int:
        return self.listing.push(limit)

    @property
    def last(self) -> Message:
        return self.pages.told[-1]


def texts(message: Message) -> list[str]:
    return [row[4].split("<bdi>")[1].split("</bdi>")[0] for row in message["rows"]]


def shown(decodings: Decodings | None = None) -> Stage:
    """A list that one page shows, and follows."""
    stage = Stage(decodings=decodings)
    stage.receive(10)
    stage.pages.say("show", follows=True)
    stage.push()
    return stage


def test_a_page_that_shows_the_list_is_told_its_newest_rows() -> None:
    stage = Stage()
    stage.receive(1_000)

    stage.pages.say("show", follows=True)
    stage.push()

    assert stage.requests == 1
    assert stage.listing.audience
    assert texts(stage.last) == [f"frame {number}" for number in range(900, 1_000)]
    assert (stage.last["at"], stage.last["shape"]["total"]) == (900, 1_000)


def test_a_page_that_only_sends_messages_is_there() -> None:
    stage = shown()

    for _ in range(20):
        stage.receive(1)
        stage.push()
        stage.clock.advance(PATIENCE / 4)
        stage.pages.say("send", text="Hello!")

    assert stage.listing.audience
    assert texts(stage.last) == ["frame 29"]


def test_a_page_that_was_taken_for_gone_is_asked_and_told_again() -> None:
    stage = shown()
    # As while a cell runs that blocks the event loop.
    stage.clock.advance(2 * PATIENCE)
    stage.receive(2)
    stage.push()
    before = bool(stage.listing.audience)

    stage.pages.say("alive")
    asked = stage.last
    stage.pages.say("show", follows=True)
    stage.push()

    assert (before, asked) == (False, {"kind": "who", "page": "a"})
    assert texts(stage.last)[-1] == "frame 11"


def test_what_comes_is_told_once() -> None:
    stage = shown()
    stage.receive(3)

    stage.push()
    again = stage.push()

    assert texts(stage.last) == ["frame 10", "frame 11", "frame 12"]
    assert stage.last["at"] == 10
    assert (again, len(stage.pages.told)) == (0, 2)


def test_no_more_rows_are_told_than_fit() -> None:
    stage = shown()
    stage.receive(500)

    size = stage.push(2_000)

    assert texts(stage.last)[-1] == "frame 509"
    assert 2 < len(texts(stage.last)) < 20
    assert stage.last["at"] + len(texts(stage.last)) == 510
    assert size < 3_000


def test_a_page_that_does_not_follow_is_told_numbers_only() -> None:
    stage = shown()
    stage.pages.say("show", follows=False)
    stage.push()
    stage.receive(50)

    stage.push()

    assert stage.last["rows"] == []
    assert stage.last["shape"]["total"] == 60


def test_one_page_that_follows_is_enough() -> None:
    stage = shown()
    stage.pages.say("show", "b", follows=False)
    stage.receive(1)

    stage.push()

    assert "frame 10" in texts(stage.last)


def test_a_page_is_gone_when_it_says_so() -> None:
    stage = shown()
    stage.pages.say("show", "b", follows=True)

    stage.pages.say("hide")
    with_b = bool(stage.listing.audience)
    stage.pages.say("failed", "b")

    assert with_b is True
    assert not stage.listing.audience


def test_a_page_gets_the_rows_that_it_asks_for() -> None:
    stage = shown()
    stage.receive(1_000)
    stage.push()

    stage.pages.say("need", epoch=stage.last["shape"]["epoch"], numbers=[300, 310])
    stage.clock.advance(1)

    assert texts(stage.last) == [f"frame {number}" for number in range(300, 310)]
    assert stage.last["at"] == 300


def test_rows_that_were_forgotten_meanwhile_are_left_out() -> None:
    stage = Stage(history=100)
    stage.receive(100)
    stage.pages.say("show", follows=False)
    stage.push()
    epoch = stage.last["shape"]["epoch"]
    stage.receive(50)

    stage.pages.say("need", epoch=epoch, numbers=[40, 60])
    stage.clock.advance(1)

    assert texts(stage.last) == [f"frame {number}" for number in range(50, 60)]
    assert (stage.last["at"], stage.last["shape"]["solid"]) == (0, 50)


def test_older_rows_are_asked_for_by_their_places() -> None:
    stage = Stage(history=5)
    stage.journal.sent.append(Frame("sent", -1.0, sent=True))
    stage.push()
    stage.receive(20)
    stage.pages.say("show", follows=True)
    stage.push()
    shape = stage.last["shape"]

    stage.pages.say("need", epoch=shape["epoch"], version=shape["version"], older=[0, 1])
    stage.clock.advance(1)
    first = stage.last
    stage.pages.say("need", epoch=shape["epoch"], version=-1, older=[0, 1])
    stage.clock.advance(1)

    assert shape["older"] == 1
    assert (texts(first), first["at"]) == (["sent"], 0)
    assert stage.last["rows"] == []


def test_rows_that_have_become_others_are_not_told() -> None:
    stage = shown()
    epoch = stage.last["shape"]["epoch"]

    stage.screen.show_as(View.HEX)
    stage.pages.say("need", epoch=epoch, numbers=[0, 10])
    stage.clock.advance(1)

    assert stage.last["rows"] == []
    assert stage.last["shape"]["epoch"] > epoch


@pytest.mark.parametrize(("number", "place"), [(1, 0), (501, 500), (5_000, 999)])
def test_a_page_is_led_to_the_frame_with_a_number(number: int, place: int) -> None:
    stage = Stage()
    stage.receive(1_000)
    stage.pages.say("show", follows=True)
    stage.push()

    stage.pages.say("find", number=number)
    stage.clock.advance(1)

    assert (stage.last["page"], stage.last["found"]) == ("a", place)
    assert f"frame {place}" in texts(stage.last)


def test_what_two_pages_ask_for_at_once_is_told_to_both() -> None:
    stage = shown()
    stage.receive(1_000)
    stage.push()
    epoch = stage.last["shape"]["epoch"]

    stage.pages.say("need", "a", epoch=epoch, numbers=[100, 105])
    stage.pages.say("need", "b", epoch=epoch, numbers=[200, 205])
    stage.clock.advance(1)

    assert [message["at"] for message in stage.pages.told[-2:]] == [100, 200]


def test_a_page_that_asks_without_end_stays_within_the_limits() -> None:
    stage = shown()
    stage.receive(9_000, "x" * 1_000)
    epoch = stage.last["shape"]["epoch"]
    begun = len(stage.pages.told)

    for number in range(1_000):
        stage.pages.say("need", epoch=epoch, numbers=[number, number + 40])
        stage.clock.advance(0.01)

    sizes = stage.pages.sizes[begun:]
    assert most_in_a_second(sizes) <= 200_000
    assert most_in_a_second((time, 1) for time, _ in sizes) <= 14


def test_a_page_that_answers_nothing_is_taken_for_gone() -> None:
    stage = Stage()
    audience = stage.listing.audience
    stage.pages.say("show", "silent", follows=True)
    stage.pages.say("show", "alive", follows=True)

    for _ in range(30):
        stage.receive(1)
        stage.push()
        stage.clock.advance(0.5)
        stage.pages.say("alive", "alive")
    names = set(audience._pages)
    for _ in range(30):
        stage.receive(1)
        stage.push()
        stage.clock.advance(0.5)

    assert names == {"alive"}
    assert not audience


def undecoded() -> Decodings:
    """What is made of frames, if another thread never comes to it."""
    decodings = Decodings(lambda _: "decoded", lambda _work, _done: None)
    decodings.SLICE = 0.0
    return decodings


def test_rows_that_were_not_ready_are_renewed_once() -> None:
    stage = shown(undecoded())
    stage.receive(3)
    stage.push()
    told = stage.last

    stage.listing.renew()
    renewed = stage.last
    before = len(stage.pages.told)
    stage.listing.renew()

    assert [row[5] for row in told["rows"]] == [False] * 3
    assert texts(told) == ["frame 10", "frame 11", "frame 12"]
    assert renewed == {"kind": "unready"}
    assert len(stage.pages.told) == before


def test_rows_are_not_renewed_if_all_were_ready() -> None:
    stage = shown()
    stage.receive(3)
    stage.journal.add(Notice(9.0, "connected"))
    stage.push()
    before = len(stage.pages.told)

    stage.listing.renew()

    assert len(stage.pages.told) == before


def test_rows_are_not_renewed_if_no_page_shows_the_list() -> None:
    stage = shown(undecoded())
    stage.receive(1)
    stage.push()
    stage.pages.say("hide")
    before = len(stage.pages.told)

    stage.listing.renew()

    assert len(stage.pages.told) == before


def test_nothing_is_answered_after_the_end() -> None:
    stage = shown()
    stage.pages.say("need", epoch=1, numbers=[0, 5])

    stage.listing.cancel()
    before = len(stage.pages.told)
    stage.clock.advance(60)

    assert len(stage.pages.told) == before
