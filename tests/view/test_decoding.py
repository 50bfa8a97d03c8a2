import re
from collections.abc import Callable
from typing import Any

import pytest

from ipywsecho.frames import AS_IT_IS, Decoded, Frame, FrameLog, Journal
from ipywsecho.view.decoding import Decodings
from ipywsecho.view.finding import Criteria
from ipywsecho.view.payloads import Kind
from ipywsecho.view.screen import Screen


class Stage:
    """Decodings whose clock and other thread are driven by hand; each call takes some time.

    Attributes:
        takes: Seconds of a call.
        calls: The frames that were decoded.
        aside: What waits for the other thread.
    """

    def __init__(self, takes: float) -> None:
        self.takes = takes
        self.now = 0.0
        self.calls: list[Frame] = []
        self.aside: list[tuple[Callable[[], Any], Callable[[Any], object]]] = []
        self.decodings = Decodings(self._decode, self._work_aside, clock=lambda: self.now)

    def _decode(self, frame: Frame) -> object:
        self.calls.append(frame)
        self.now += self.takes
        return {"size": frame.size}

    def _work_aside(self, work: Callable[[], Any], done: Callable[[Any], object], /) -> None:
        self.aside.append((work, done))

    def work(self) -> None:
        """Does what waits for the other thread."""
        waiting, self.aside = self.aside, []
        for work, done in waiting:
            done(work())

    def draw(self, frames: list[Frame]) -> list[Decoded | None]:
        self.decodings.begin()
        return [self.decodings.of(frame) for frame in frames]


def frames(count: int, size: int = 1) -> list[Frame]:
    return [Frame(bytes(size), float(number)) for number in range(count)]


def known(count: int, size: int = 1) -> list[Decoded | None]:
    return [Decoded(f'{{"size": {size}}}', is_json=True)] * count


def test_without_a_function_every_frame_is_shown_as_it_is() -> None:
    assert Decodings().of(Frame("a", 1.5)) is AS_IT_IS


def test_a_quick_function_is_called_at_once_and_once_for_each_frame() -> None:
    stage, drawn = Stage(takes=0.00001), frames(200)

    first, second = stage.draw(drawn), stage.draw(drawn)

    assert first == second == known(200)
    assert len(stage.calls) == 200
    assert stage.aside == []


def test_drawing_calls_for_one_slice_of_time_and_has_the_rest_made_aside() -> None:
    stage, drawn = Stage(takes=0.001), frames(20)

    first = stage.draw(drawn)
    stage.work()
    second = stage.draw(drawn)

    # One more than fits, as it is known only afterwards how long a call took.
    assert first[:5] == known(5)
    assert first[6:] == [None] * 14
    assert second == known(20)
    assert len(stage.calls) == 20


def test_a_slow_function_holds_the_drawing_for_one_call_and_later_for_none() -> None:
    stage, drawn = Stage(takes=2.0), frames(10)

    at_first = stage.draw(drawn)
    begun = stage.now
    then = stage.draw(drawn)

    assert at_first == [*known(1), *[None] * 9]
    assert then == at_first
    assert stage.now == begun
    # Each batch passes on what it has made after a while, and the rows are drawn again.
    for made in range(2, 11):
        assert len(stage.aside) == 1
        stage.work()
        assert stage.draw(drawn) == [*known(made), *[None] * (10 - made)]
    assert stage.aside == []


def test_a_function_that_is_quick_again_is_called_at_once_again() -> None:
    stage = Stage(takes=2.0)
    stage.draw(frames(2))
    stage.takes = 0.00001
    stage.work()

    assert stage.draw(frames(5)) == known(5)


def test_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decodings, "MOST", 100_000)
    stage, drawn = Stage(takes=0.0), frames(300, size=10_000)

    stage.draw(drawn)
    newest = stage.draw(drawn[-5:])
    decoded_again = len(stage.calls) - 300
    stage.draw(drawn[:5])

    assert newest == known(5, 10_000)
    assert decoded_again == 0
    assert len(stage.calls) == 305
    assert len(stage.decodings._kept) < 10


def test_nothing_is_kept_of_a_log_that_was_cleared() -> None:
    stage, drawn = Stage(takes=0.0), frames(5)
    stage.draw(drawn)

    stage.decodings.forget()

    assert stage.decodings._kept == {}
    assert stage.draw(drawn) == known(5)
    assert len(stage.calls) == 10


class Shown:
    """A screen over a log of some frames that are decoded."""

    def __init__(self, stage: Stage, count: int) -> None:
        self.log = FrameLog(100_000, 10**9)
        self.journal = Journal(self.log, FrameLog(10, 10), changed=lambda: None, name_of=str)
        self.screen = Screen(self.journal, lambda *_: None, stage.decodings)
        for number in range(count):
            self.log.append(Frame(bytes(1 + (number == 7)), float(number)))

    def rows(self) -> list[str]:
        (output,) = self.screen.draw(40_000).outputs
        lines = output["data"]["text/plain"].split("\n")
        return [re.sub(r"^[\d:.]{12}  .  |  \(.*\)$", "", line) for line in lines]


def test_a_search_with_a_quick_function_looks_at_every_frame() -> None:
    stage = Stage(takes=0.0)
    shown = Shown(stage, 10_000)
    shown.screen.look_for(Criteria('"size": 2'))

    while not shown.screen.search(0.005):
        pass

    assert shown.rows() == ["9,999 hidden by the filter", '{"size": 2}']
    assert stage.aside == []


def test_a_search_with_a_slow_function_waits_and_goes_on_after_each_batch() -> None:
    stage = Stage(takes=0.05)
    shown = Shown(stage, 30)
    shown.screen.look_for(Criteria('"size": 2'))

    slices = 0
    held = []
    while True:
        begun = stage.now
        is_complete = shown.screen.search(0.005)
        held.append(stage.now - begun)
        slices += 1
        assert is_complete or slices == 1
        if not stage.aside:
            break
        stage.work()

    assert shown.rows() == ["29 hidden by the filter", '{"size": 2}']
    # Only the first call is made on the event loop.
    assert [round(each, 3) for each in held if each] == [0.05]
    assert len(stage.calls) == 30


def test_frames_are_found_by_the_kind_of_what_was_made_of_them() -> None:
    shown = Shown(Stage(takes=0.0), 3)
    shown.screen.look_for(Criteria(kind=Kind.JSON))
    shown.screen.search(1.0)
    as_json = shown.rows()
    shown.screen.look_for(Criteria(kind=Kind.BYTES))
    shown.screen.search(1.0)

    assert as_json == ['{"size": 1}'] * 3
    assert shown.rows() == ["3 hidden by the filter"]


def test_hex_digits_find_the_payload_itself() -> None:
    shown = Shown(Stage(takes=0.0), 9)

    shown.screen.look_for(Criteria("00 00"))
    shown.screen.search(1.0)

    assert shown.rows() == ["8 hidden by the filter", '{"size": 2}']
