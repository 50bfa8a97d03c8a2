import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar

import pytest

from ipywsecho.errors import InputError
from ipywsecho.frames.log import Frame, FrameLog
from ipywsecho.view.finding import Criteria, Sieve
from ipywsecho.view.matching import LARGE, TooSlowError
from ipywsecho.view.payloads import Kind
from tests.markup import HOSTILE
from tests.view.test_pictures import picture

FOREVER = 1e9


def received(data: str | bytes) -> Frame:
    return Frame(data, 1.5)


def finds(text: str, data: str | bytes) -> bool:
    return Criteria(text).in_frame()(received(data))


# Criteria


@pytest.mark.parametrize(
    ("text", "data", "is_found"),
    [
        ("", "", True),
        ("", "anything", True),
        ("lo W", "Hello World", True),
        ("LO w", "Hello World", True),
        ("straße", "STRASSE", True),
        ("hello", "help", False),
        ("a.c", "abc", False),
        ("a.c", "a.c", True),
        ("/", "a/b", True),
        ("/a", "x/a/y", True),
        ("/a/1", "x/a/1", True),
        ("[", "a[0]", True),
        ("\\", "a\\b", True),
        ("\n", "one\ntwo", True),
    ],
)
def test_text_is_searched_literally_and_ignoring_case(text: str, data: str, is_found: bool) -> None:
    assert finds(text, data) is is_found


@pytest.mark.parametrize(
    ("text", "data", "is_found"),
    [
        ("//", "anything", True),
        ("/a.c/", "xabcx", True),
        ("/a.c/", "ABC", False),
        ("/a.c/i", "ABC", True),
        ("/^b/", "a\nb", False),
        ("/^b/m", "a\nb", True),
        ("/a.b/", "a\nb", False),
        ("/a.b/s", "a\nb", True),
        ("/a b # comment/x", "ab", True),
        ("/A.B/is", "a\nb", True),
        ("/a/b/", "a/b", True),
        ("/a\nb/", "a\nb", True),
        ("/\\d{3}/", "12 345", True),
    ],
)
def test_text_between_slashes_is_a_regular_expression_with_flags(
    text: str, data: str, is_found: bool
) -> None:
    assert finds(text, data) is is_found


@pytest.mark.parametrize("text", ["/[/", "/(/", "/*/", "/a{2,1}/", "/(?P<n>/", "/(?<=a+)b/"])
def test_an_invalid_regular_expression_is_rejected_with_a_remedy(text: str) -> None:
    for make in (Criteria(text).in_text, Criteria(text).in_frame):
        with pytest.raises(InputError, match="remove the slashes to search for") as caught:
            make()

        assert str(caught.value).startswith(f"{text} is not a valid regular expression (")
        assert "\n" not in str(caught.value)


def test_a_path_is_searched_literally() -> None:
    matches = Criteria("/api/users").in_text()

    assert matches("GET /api/users HTTP/1.1")
    assert not matches("api")


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_finds_itself(text: str) -> None:
    assert finds(text, f"before {text} after")
    assert not finds(text, "something else")


@pytest.mark.parametrize(
    ("text", "data", "is_found"),
    [
        ("ab", b"\x00\xab\x00", True),
        ("AB cd", b"\xab\xcd", True),
        ("ab  cd ", b"\xab\xcd", True),
        ("abcd", b"\xab\x00\xcd", False),
        ("abc", b"\xab\xc0", False),
        ("ab", b"\x0a\xb0", False),
        ("ab", b"xABx", True),
        ("hell", b"Hello", True),
        ("é", b"\xc9", True),
        ("/^\\x00.\\xff$/s", b"\x00\n\xff", True),
        ("/ab/", b"\xab", False),
        ("ab\xa0cd", b"\xab\xcd", False),
        ("ab\xa0cd", b"ab\xa0cd", True),
        ("ab\x1ccd", b"\xab\xcd", False),
        ("ab\u2003cd", b"\xab\xcd", False),
    ],
)
def test_bytes_are_searched_as_hex_and_as_text(text: str, data: bytes, is_found: bool) -> None:
    assert finds(text, data) is is_found


def test_text_is_not_searched_as_hex() -> None:
    assert not finds("61", "a")


@pytest.mark.parametrize(("sent", "found"), [(None, "←→"), (False, "←"), (True, "→")])
def test_frames_are_found_by_direction(sent: bool | None, found: str) -> None:
    matches = Criteria(sent=sent).in_frame()
    frames = [Frame("←", 1.5), Frame("→", 1.5, sent=True)]

    assert "".join(str(frame.data) for frame in frames if matches(frame)) == found


@pytest.mark.parametrize("kind", [None, *Kind])
def test_frames_are_found_by_kind(kind: Kind | None) -> None:
    payloads = {
        Kind.TEXT: "text",
        Kind.JSON: '{"a": "text"}',
        Kind.PICTURE: picture("PNG"),
        Kind.BYTES: b"text",
    }
    matches = Criteria(kind=kind).in_frame()

    found = [known for known, data in payloads.items() if matches(received(data))]

    assert found == [known for known in payloads if kind in (None, known)]


def test_a_frame_must_meet_all_criteria() -> None:
    matches = Criteria("a", sent=True, kind=Kind.TEXT).in_frame()
    frames = [
        Frame(data, 1.5, sent) for data in ("a", "b", '["a"]', b"a") for sent in (True, False)
    ]

    assert [frame for frame in frames if matches(frame)] == [Frame("a", 1.5, sent=True)]


# Sieve


class Clock:
    """A clock that advances by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Seen:
    """A predicate that records the frames it was called with."""

    def __init__(self, matches: Callable[[int], bool] = lambda number: number % 10 == 0) -> None:
        self.numbers: list[int] = []
        self._matches = matches

    def __call__(self, frame: Frame) -> bool:
        self.numbers.append(int(frame.data))
        return self._matches(int(frame.data))


def log_of(count: int, history: int = 1_000_000) -> FrameLog:
    log = FrameLog(history, 10**12)
    fill(log, count)
    return log


def fill(log: FrameLog, count: int) -> None:
    for number in range(log.total, log.total + count):
        log.append(received(str(number)))


def numbers(sieve: Sieve) -> list[int]:
    return list(sieve.found)


def test_an_empty_log_has_no_matches() -> None:
    sieve = Sieve(Seen())

    assert sieve.look(log_of(0).frames, FOREVER) is True
    assert (numbers(sieve), sieve.matched, sieve.looked_at) == ([], 0, 0)


def test_frames_are_examined_once_newest_first() -> None:
    seen = Seen()
    log = log_of(1_000)
    sieve = Sieve(seen)

    is_done = sieve.look(log.frames, FOREVER)

    assert is_done is True
    assert seen.numbers == list(range(999, -1, -1))
    assert numbers(sieve) == list(range(0, 1_000, 10))
    assert (sieve.matched, sieve.looked_at) == (100, 1_000)


def test_a_later_search_examines_only_new_frames_oldest_first() -> None:
    seen = Seen()
    log = log_of(100)
    sieve = Sieve(seen)
    sieve.look(log.frames, FOREVER)
    seen.numbers.clear()

    fill(log, 50)
    sieve.look(log.frames, FOREVER)
    sieve.look(log.frames, FOREVER)

    assert seen.numbers == list(range(100, 150))
    assert numbers(sieve) == list(range(0, 150, 10))
    assert (sieve.matched, sieve.looked_at) == (15, 150)


def test_a_search_stops_when_its_time_is_over_and_continues_later() -> None:
    seen = Seen()
    log = log_of(1_000)
    sieve = Sieve(seen, clock=Clock())

    # Examining a frame takes a second.
    are_done = [sieve.look(log.frames, 100) for _ in range(10)]
    looked_at_then = sieve.looked_at
    while not sieve.look(log.frames, 100):
        pass

    assert set(are_done[:9]) == {False}
    assert 900 < looked_at_then < 1_100
    assert seen.numbers == list(range(999, -1, -1))
    assert numbers(sieve) == list(range(0, 1_000, 10))


def test_the_newest_matches_are_available_before_the_search_ends() -> None:
    log = log_of(1_000)
    sieve = Sieve(Seen(), clock=Clock())

    is_done = sieve.look(log.frames, 100)

    assert is_done is False
    found = numbers(sieve)
    assert found == list(range(found[0], 1_000, 10))
    assert 9 <= len(found) <= 11


def test_a_search_without_time_still_makes_progress() -> None:
    log = log_of(20)
    sieve = Sieve(Seen(), clock=Clock())

    looks = 0
    while not sieve.look(log.frames, 0):
        looks += 1

    assert looks <= 20
    assert sieve.looked_at == 20


def test_the_time_is_checked_after_each_frame() -> None:
    clock = Clock()
    log = log_of(1_000)
    seen = Seen()

    def slowly(frame: Frame) -> bool:
        clock.now += 1_000
        return seen(frame)

    sieve = Sieve(slowly, clock=clock)
    sieve.look(log.frames, 10)
    back = len(seen.numbers)
    fill(log, 1_000)
    sieve.look(log.frames, 10)

    assert (back, len(seen.numbers)) == (1, 2)


def test_frames_that_arrive_during_a_search_are_examined_once() -> None:
    seen = Seen()
    log = log_of(500)
    sieve = Sieve(seen, clock=Clock())

    for _ in range(30):
        sieve.look(log.frames, 20)
        fill(log, 10)
    while not sieve.look(log.frames, 50):
        pass

    assert sorted(seen.numbers) == list(range(800))
    assert numbers(sieve) == list(range(0, 800, 10))
    assert (sieve.matched, sieve.looked_at) == (80, 800)


def test_forgotten_matches_are_counted_but_not_found() -> None:
    log = log_of(100, history=100)
    sieve = Sieve(Seen())
    sieve.look(log.frames, FOREVER)

    fill(log, 95)
    sieve.look(log.frames, FOREVER)

    assert numbers(sieve) == list(range(100, 200, 10))
    assert (sieve.matched, sieve.looked_at) == (20, 195)


def test_frames_forgotten_before_they_are_examined_are_skipped() -> None:
    seen = Seen()
    log = log_of(100, history=100)
    sieve = Sieve(seen)
    sieve.look(log.frames, FOREVER)
    seen.numbers.clear()

    fill(log, 1_000)
    is_done = sieve.look(log.frames, FOREVER)

    assert is_done is True
    assert seen.numbers == list(range(1_000, 1_100))
    assert numbers(sieve) == list(range(1_000, 1_100, 10))


def test_a_search_ends_when_the_remaining_frames_are_forgotten() -> None:
    log = log_of(100, history=100)
    seen = Seen()
    sieve = Sieve(seen, clock=Clock())
    sieve.look(log.frames, 10)

    fill(log, 500)
    while not sieve.look(log.frames, 1_000):
        pass

    assert sorted(seen.numbers)[-100:] == list(range(500, 600))
    assert len(seen.numbers) == len(set(seen.numbers)) < 120
    assert numbers(sieve) == list(range(500, 600, 10))


def test_a_cleared_log_has_no_matches() -> None:
    log = log_of(100)
    sieve = Sieve(Seen())
    sieve.look(log.frames, FOREVER)

    log.clear()
    sieve.look(log.frames, FOREVER)
    emptied = numbers(sieve)
    fill(log, 11)
    sieve.look(log.frames, FOREVER)

    assert emptied == []
    assert numbers(sieve) == [100, 110]


def test_all_matches_are_kept_that_the_log_keeps() -> None:
    log = log_of(3_000)
    sieve = Sieve(Seen(lambda _: True))
    sieve.look(log.frames, FOREVER)
    back = numbers(sieve)

    fill(log, 500)
    sieve.look(log.frames, FOREVER)

    assert back == list(range(3_000))
    assert numbers(sieve) == list(range(3_500))
    assert (sieve.matched, sieve.looked_at) == (3_500, 3_500)


class Payload(str):
    """A payload class that counts its instances in memory."""

    __slots__ = ()
    alive: ClassVar[int] = 0

    def __init__(self, _: str) -> None:
        Payload.alive += 1

    def __del__(self) -> None:
        Payload.alive -= 1


def test_forgotten_frames_are_freed() -> None:
    log = FrameLog(100, 10**9)
    sieve = Sieve(lambda _: True)

    for number in range(1_000):
        log.append(received(Payload(str(number))))
        if number % 10 == 0:
            sieve.look(log.frames, FOREVER)

    # The oldest chunk of the log may contain a few forgotten frames.
    assert 100 <= Payload.alive <= 120
    log.clear()
    sieve.look(log.frames, FOREVER)
    assert Payload.alive == 0


def steps_of(call: Callable[[], Any]) -> int:
    """Count the lines of Python that a call executes."""
    steps = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return steps


@pytest.fixture(scope="module", params=[1_000, 100_000])
def long_log(request: pytest.FixtureRequest) -> FrameLog:
    """A short log, and a long log."""
    return log_of(request.param)


def test_a_search_without_new_frames_takes_constant_time(long_log: FrameLog) -> None:
    sieve = Sieve(Seen())
    sieve.look(long_log.frames, FOREVER)

    assert steps_of(lambda: sieve.look(long_log.frames, FOREVER)) <= 20


def test_examining_one_new_frame_takes_constant_time(long_log: FrameLog) -> None:
    sieve = Sieve(Seen())
    sieve.look(long_log.frames, FOREVER)

    fill(long_log, 1)

    assert steps_of(lambda: sieve.look(long_log.frames, FOREVER)) <= 80


def test_continuing_a_search_takes_time_for_examined_frames_only() -> None:
    log = log_of(100_000)
    sieve = Sieve(Seen(), clock=Clock())

    costs = [steps_of(lambda: sieve.look(log.frames, 100)) for _ in range(20)]

    assert max(costs) <= 3 * min(costs)


# Searches that take long


def slow_at(*slow: int, seconds: float = 0.02) -> Callable[[Frame], bool]:
    """Return a predicate that is true, but too slow for some numbers."""

    def matches(frame: Frame) -> bool:
        if int(frame.data) in slow:
            raise TooSlowError(seconds)
        return True

    return matches


def test_a_frame_that_takes_too_long_is_counted_and_not_found() -> None:
    log = log_of(10)
    sieve = Sieve(slow_at(3, 5))

    assert sieve.look(log.frames, FOREVER) is True
    assert numbers(sieve) == [0, 1, 2, 4, 6, 7, 8, 9]
    assert (sieve.matched, sieve.looked_at, sieve.too_slow) == (8, 10, 2)
    assert sieve.slow_number == 6


def test_no_more_frames_are_examined_once_those_that_take_too_long_took_a_second() -> None:
    log = log_of(1_000)
    seen: list[str | bytes] = []

    def matches(frame: Frame) -> bool:
        seen.append(frame.data)
        raise TooSlowError(0.25)

    sieve = Sieve(matches)

    assert sieve.look(log.frames, FOREVER) is True
    assert (len(seen), sieve.too_slow, sieve.looked_at) == (4, 1_000, 1_000)
    fill(log, 5)
    assert sieve.look(log.frames, FOREVER) is True
    assert (len(seen), sieve.too_slow, list(sieve.found)) == (4, 1_005, [])


class Gate:
    """A predicate that waits, in the thread that called it, until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, frame: Frame) -> bool:
        if len(frame.data) > LARGE:
            self.threads.append(threading.current_thread())
            assert self.open.wait(60)
        return True


def test_a_large_frame_is_examined_in_a_thread_while_the_search_returns() -> None:
    log, gate = log_of(3), Gate()
    log.append(received("x" * (LARGE + 1)))
    fill(log, 2)
    sieve = Sieve(gate)

    looks = [sieve.look(log.frames, 0.001) for _ in range(3)]
    fill(log, 1)
    looks.append(sieve.look(log.frames, 0.001))
    found = sieve.looked_at
    gate.open.set()
    while not sieve.look(log.frames, 1):
        pass

    assert looks == [False] * 4
    assert found == 3
    assert len(gate.threads) == 1
    assert gate.threads[0] is not threading.current_thread()
    assert (sieve.matched, len(sieve.found)) == (7, 7)


def test_large_frames_are_found_in_order_and_once() -> None:
    log = FrameLog(100, 10**9)
    log.extend([received(f"{number}" + "x" * LARGE) for number in range(9)])
    sieve = Sieve(lambda frame: "x" in str(frame.data))

    while not sieve.look(log.frames, 0):
        pass
    log.extend([received(f"{number}" + "x" * LARGE) for number in range(9)])
    while not sieve.look(log.frames, 0):
        pass

    assert list(sieve.found_in(log.frames)) == list(log.frames)
    assert (sieve.matched, sieve.looked_at) == (18, 18)


def test_what_fails_in_the_thread_is_raised() -> None:
    log = FrameLog(100, 10**9)
    log.append(received("x" * (LARGE + 1)))

    def fail(_: Frame) -> bool:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        Sieve(fail).look(log.frames, FOREVER)


def test_a_large_frame_that_is_forgotten_meanwhile_is_skipped() -> None:
    log, gate = FrameLog(2, 10**9), Gate()
    log.append(received("x" * (LARGE + 1)))
    sieve = Sieve(gate)
    sieve.look(log.frames, 0)

    log.extend([received("y"), received("z")])
    is_done = sieve.look(log.frames, FOREVER)
    gate.open.set()

    assert is_done is True
    assert list(sieve.found_in(log.frames)) == list(log.frames)


def test_without_threads_a_large_frame_is_examined_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    log = FrameLog(2, 10**9)
    log.append(received("x" * (LARGE + 1)))
    sieve = Sieve(lambda _: True)

    assert sieve.look(log.frames, 0) is True
    assert sieve.matched == 1


def test_a_kept_large_text_is_searched_completely() -> None:
    log = FrameLog(10, 10**9)
    log.extend([received("é" * 300_000 + end) for end in ("Straße", "", "x")])
    sieve = Sieve(Criteria("STRASSE").in_frame())

    while not sieve.look(log.frames, 0.005):
        pass

    assert [str(frame.data)[-6:] for frame in sieve.found_in(log.frames)] == ["Straße"]


# Texts
