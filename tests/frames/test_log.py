import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import isqrt
from random import Random
from threading import Event
from types import FrameType
from typing import Any, ClassVar

import pytest

from ipywsecho.frames.log import FrameLog, Notice
from ipywsecho.frames.sequence import Frame, Frames


def received(data: str | bytes) -> Frame:
    return Frame(data, 1.5)


def numbered(numbers: Iterable[int]) -> list[Frame]:
    return [received(str(number)) for number in numbers]


def log_of(
    frames: Iterable[Frame], history: int = 1_000, history_bytes: int = 1_000_000
) -> FrameLog:
    log = FrameLog(history, history_bytes)
    for frame in frames:
        log.append(frame)
    return log


def kept(log: FrameLog) -> list[str | bytes]:
    return [frame.data for frame in log.frames]


class Payload(bytes):
    """A payload class that counts its instances in memory, and their bytes."""

    alive: ClassVar[int] = 0
    alive_bytes: ClassVar[int] = 0

    def __init__(self, _: bytes) -> None:
        Payload.alive += 1
        Payload.alive_bytes += len(self)

    def __del__(self) -> None:
        Payload.alive -= 1
        Payload.alive_bytes -= len(self)


class MeasuredFrame(Frame):
    """A frame class that counts how often the size of an instance is read."""

    __slots__ = ()
    looks: ClassVar[int] = 0

    @property
    def size(self) -> int:
        MeasuredFrame.looks += 1
        return self[3]


class CopyCounter:
    """Counts the elements of the tuples and lists that a value holds and earlier values did not."""

    def __init__(self) -> None:
        # Kept, so that no new container takes the identity of an old one.
        self._known: dict[int, object] = {}

    def count(self, value: object) -> int:
        places = 0
        for container in gc.get_referents(value):
            is_container = type(container) in (tuple, list)
            if is_container and id(container) not in self._known:
                self._known[id(container)] = container
                places += len(container) + self.count(container)
        return places


def test_a_notice_is_not_an_error_by_default() -> None:
    assert Notice(1.0, "connected").is_error is False
    assert Notice(1.0, "lost", is_error=True).is_error is True


# What a log keeps


def test_a_new_log_is_empty() -> None:
    log = FrameLog(10, 100)

    assert list(log.frames) == []
    assert (log.frames.total, log.total, log.total_bytes, log.cleared) == (0, 0, 0, 0)


@pytest.mark.parametrize(("history", "history_bytes"), [(0, 100), (-1, 100), (10, 0), (10, -5)])
def test_a_limit_below_one_is_rejected(history: int, history_bytes: int) -> None:
    with pytest.raises(ValueError, match=f"history={history} and history_bytes={history_bytes} "):
        FrameLog(history, history_bytes)


@pytest.mark.parametrize("history", [1, 2, 3, 4, 9, 10, 99, 100])
def test_a_log_keeps_the_newest_frames(history: int) -> None:
    log = FrameLog(history, 1_000_000)

    for number in range(3 * history + 1):
        log.append(received(str(number)))

        oldest = max(0, number + 1 - history)
        assert kept(log) == [str(each) for each in range(oldest, number + 1)]


def test_a_log_keeps_exactly_as_many_bytes_as_allowed() -> None:
    log = FrameLog(1_000, 10)

    log.append(received("aaaa"))
    log.append(received("bbbbbb"))
    exactly_full = kept(log)
    log.append(received("c"))

    assert exactly_full == ["aaaa", "bbbbbb"]
    assert kept(log) == ["bbbbbb", "c"]


def test_the_limit_counts_the_bytes_of_a_text_not_its_characters() -> None:
    log = log_of(map(received, ["日", "本", "語"]), history_bytes=8)

    assert kept(log) == ["本", "語"]


def test_a_frame_larger_than_the_limit_is_kept_while_it_is_the_newest() -> None:
    log = log_of(numbered(range(5)), history_bytes=10)

    log.append(received("x" * 1_000))
    with_huge = kept(log)
    log.append(received("y"))

    assert with_huge == ["x" * 1_000]
    assert kept(log) == ["y"]


def test_empty_frames_are_limited_by_their_count() -> None:
    log = log_of([received("")] * 50, history=7, history_bytes=1)

    assert kept(log) == [""] * 7


def test_totals_include_forgotten_frames() -> None:
    log = log_of(map(received, ["é", "b", "cc"]), history=1)

    assert (log.total, log.total_bytes, log.frames.total, len(log.frames)) == (3, 5, 3, 1)


def test_a_cleared_log_is_empty_and_keeps_counting() -> None:
    log = log_of(numbered(range(25)), history=10)

    log.clear()
    after_clear = (kept(log), log.frames.total, log.total, log.total_bytes, log.cleared)
    log.append(received("next"))

    assert after_clear == ([], 25, 25, 40, 25)
    assert (kept(log), log.total, log.cleared) == (["next"], 26, 25)


def test_a_log_may_be_cleared_twice() -> None:
    log = log_of(numbered(range(3)))

    log.clear()
    log.append(received("next"))
    log.clear()

    assert (kept(log), log.total, log.cleared) == ([], 4, 4)


def test_the_limits_still_apply_after_clearing() -> None:
    log = log_of([received("x" * 9)], history=3, history_bytes=10)

    log.clear()
    for frame in numbered(range(5)):
        log.append(frame)
    few = kept(log)
    log.append(received("y" * 9))

    assert few == ["2", "3", "4"]
    assert kept(log) == ["4", "y" * 9]


# Values


def test_frames_is_the_same_object_until_a_frame_is_appended() -> None:
    log = log_of(numbered(range(3)))

    assert log.frames is log.frames


def test_appending_an_equal_frame_still_makes_another_value() -> None:
    log = FrameLog(1, 1_000)
    frame = received("same")

    log.append(frame)
    first = log.frames
    log.append(frame)
    second = log.frames

    assert first == second
    assert first is not second
    assert (first.total, second.total) == (1, 2)


def test_clearing_changes_the_value() -> None:
    log = log_of(numbered(range(3)))
    before = log.frames

    log.clear()

    assert log.frames != before


@pytest.mark.parametrize("history", [1, 2, 3, 10, 50])
def test_frames_already_returned_never_change(history: int) -> None:
    log = FrameLog(history, 1_000_000)
    values = [(log.frames, list(log.frames), log.frames.total)]

    for number in range(4 * history):
        log.append(received(str(number)))
        if number == 3 * history:
            log.clear()
        values.append((log.frames, list(log.frames), log.frames.total))

    for frames, content, total in values:
        assert list(frames) == content
        assert list(reversed(frames)) == content[::-1]
        assert [frames[index] for index in range(len(content))] == content
        assert (len(frames), frames.total) == (len(content), total)


def test_frames_are_immutable() -> None:
    frames: Any = log_of(numbered(range(3))).frames

    with pytest.raises(TypeError):
        frames[0] = received("other")
    with pytest.raises(TypeError):
        del frames[0]

    assert [frame.data for frame in frames] == ["0", "1", "2"]


def test_repr_of_frames_is_short() -> None:
    frames = log_of(numbered(range(2_345)), history=1_234).frames

    assert repr(frames) == "<Frames: 1,234 of 2,345>"


@pytest.mark.parametrize("cleared_after", [None, 20])
def test_an_index_counts_from_either_end(cleared_after: int | None) -> None:
    log = FrameLog(10, 1_000)
    for number, frame in enumerate(numbered(range(35))):
        log.append(frame)
        if number == cleared_after:
            log.clear()

    assert [log.frames[index].data for index in range(10)] == [str(n) for n in range(25, 35)]
    assert [log.frames[-index].data for index in range(1, 11)] == [
        str(number) for number in range(34, 24, -1)
    ]


@pytest.mark.parametrize("index", [10, 11, -11, -12, 10**20, -(10**20)])
def test_an_index_out_of_range_raises_an_error(index: int) -> None:
    frames = log_of(numbered(range(35)), history=10).frames

    with pytest.raises(IndexError, match=rf"index {index} is out of range \(length 10\)"):
        frames[index]


@pytest.mark.parametrize("index", [0, -1])
def test_indexing_no_frames_raises_an_error(index: int) -> None:
    with pytest.raises(IndexError, match=rf"index {index} is out of range \(length 0\)"):
        FrameLog(10, 100).frames[index]


def test_the_index_of_a_later_frame_raises_an_error() -> None:
    log = log_of(numbered(range(3)))
    frames = log.frames

    log.append(received("3"))

    with pytest.raises(IndexError):
        frames[3]


BOUNDS = [None, 0, 1, 4, 9, 10, 99, -1, -3, -10, -99]
STEPS = [None, 1, 2, 3, 99, -1, -2, -99]


@pytest.mark.parametrize("start", BOUNDS)
def test_slicing_works_as_for_a_list(start: int | None) -> None:
    frames = log_of(numbered(range(35)), history=10).frames
    listed = numbered(range(25, 35))

    for stop in BOUNDS:
        for step in STEPS:
            part, expected = frames[start:stop:step], listed[start:stop:step]

            assert isinstance(part, Frames)
            assert list(part) == expected
            assert list(reversed(part)) == expected[::-1]
            assert [part[index] for index in range(-len(part), len(part))] == expected * 2
            assert (len(part), part.total, bool(part)) == (len(expected), 35, bool(expected))


@pytest.mark.parametrize("first", [slice(2, 9), slice(None, None, 2), slice(9, 1, -1), slice(5, 5)])
@pytest.mark.parametrize("second", [slice(1, -1), slice(None, None, -1), slice(0, 99, 3)])
def test_slicing_a_slice_works_as_for_a_list(first: slice, second: slice) -> None:
    frames = log_of(numbered(range(35)), history=10).frames

    part = frames[first][second]

    assert list(part) == numbered(range(25, 35))[first][second]


def test_an_index_outside_a_slice_raises_an_error_although_the_log_has_the_frame() -> None:
    part = log_of(numbered(range(9))).frames[2:5]

    for index in (3, -4):
        with pytest.raises(IndexError):
            part[index]


def test_a_slice_with_step_zero_raises_an_error() -> None:
    with pytest.raises(ValueError, match="zero"):
        log_of(numbered(range(3))).frames[::0]


def test_a_slice_copies_nothing() -> None:
    frames = log_of(numbered(range(10_000)), history=5_000).frames
    counter = CopyCounter()
    counter.count(frames)

    copied = counter.count(frames[100:-100])

    assert copied == 0


def test_membership_index_and_count_work_as_for_a_list() -> None:
    frames = log_of(numbered(range(35)), history=10).frames

    assert received("25") in frames
    assert received("24") not in frames
    assert (frames.index(received("27")), frames.count(received("27"))) == (2, 1)


def test_iteration_does_not_reach_frames_appended_meanwhile() -> None:
    log = log_of(numbered(range(8)), history=10)
    seen = []

    for frame in log.frames:
        seen.append(frame.data)
        log.append(received("later"))

    assert seen == [str(number) for number in range(8)]


def test_backward_iteration_is_not_affected_by_later_appends() -> None:
    log = log_of(numbered(range(8)), history=10)
    seen = []

    for frame in reversed(log.frames):
        seen.append(frame.data)
        log.append(received("later"))
        log.clear()

    assert seen == [str(number) for number in reversed(range(8))]


def test_iteration_continues_after_the_log_is_cleared() -> None:
    log = log_of(numbered(range(8)), history=10)

    frames = iter(log.frames)
    first = next(frames)
    log.clear()

    assert [first, *frames] == numbered(range(8))


# Against a plain list


class Model:
    """A log as a plain list: slow, but simple enough to be evidently correct."""

    def __init__(self, history: int, history_bytes: int) -> None:
        self.history = history
        self.history_bytes = history_bytes
        self.frames: list[Frame] = []
        self.total = 0
        self.cleared = 0

    def append(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.total += 1
        while len(self.frames) > 1 and (
            len(self.frames) > self.history
            or sum(frame.size for frame in self.frames) > self.history_bytes
        ):
            self.frames.pop(0)

    def clear(self) -> None:
        self.frames.clear()
        self.cleared = self.total


def random_slice(random: Random) -> slice:
    bounds = [None, *range(-12, 13)]
    steps = [None, -3, -2, -1, 1, 2, 3]
    return slice(random.choice(bounds), random.choice(bounds), random.choice(steps))


@pytest.mark.parametrize("seed", range(40))
def test_a_log_behaves_like_a_truncated_list(seed: int) -> None:
    random = Random(seed)
    limits = random.choice([1, 2, 5, 10, 17, 50]), random.choice([1, 10, 60, 10_000])
    log, model = FrameLog(*limits), Model(*limits)
    values: list[tuple[Frames, list[Frame]]] = []

    for number in range(300):
        if random.random() < 0.02:
            log.clear()
            model.clear()
        else:
            size = random.choice([0, 1, 1, 1, 2, 5, 30, 200])
            frame = Frame(str(number).encode().ljust(size)[:size], number, random.random() < 0.5)
            batch = [frame] * random.choice([1, 1, 1, 2, 7, 60])
            if len(batch) == 1 and random.random() < 0.5:
                log.append(frame)
            else:
                log.extend(batch)
            for each in batch:
                model.append(each)

        part = random_slice(random)
        assert list(log.frames[part]) == model.frames[part]
        assert (log.total, log.cleared) == (model.total, model.cleared)
        if random.random() < 0.3:
            values.append((log.frames, list(model.frames)))
            values.append((log.frames[part], model.frames[part]))

    for frames, content in values:
        assert list(frames) == content
        assert list(reversed(frames)) == content[::-1]
        assert [frames[index] for index in range(-len(frames), 0)] == content


# Other threads


def is_consistent(frames: Frames) -> bool:
    """Return whether a value holds what it says: the numbers up to its total, without a gap."""
    expected = [str(number) for number in range(frames.total - len(frames), frames.total)]
    return [frame.data for frame in frames] == expected


def change(log: FrameLog, random: Random) -> None:
    """Append, extend or clear; each payload is the number of its frame."""
    kind = random.random()
    if kind < 0.1:
        log.clear()
    elif kind < 0.6:
        (frame,) = numbered([log.total])
        log.append(frame)
    else:
        log.extend(numbered(range(log.total, log.total + random.choice([1, 3, 10, 40]))))


def at_each_step_of(function: Any, act: Callable[[], object]) -> Any:
    """Return a trace function that acts before each instruction of the module of a function."""
    file = function.__code__.co_filename

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        frame.f_trace_opcodes = True
        act()
        return trace

    return trace


@contextmanager
def traced(trace: Any) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


LIMITS = [(1, 10**6), (2, 10**6), (10, 10**6), (50, 10**6), (10**6, 60), (10**6, 1)]


@pytest.mark.parametrize("limits", LIMITS)
def test_a_value_read_at_any_step_of_a_change_is_consistent_and_stays_so(
    limits: tuple[int, int],
) -> None:
    random, log = Random(1), FrameLog(*limits)
    values: list[Frames] = []
    trace = at_each_step_of(FrameLog.append, lambda: values.append(log.frames))

    for _ in range(30):
        seen = len(values)
        with traced(trace):
            change(log, random)
        assert all(map(is_consistent, values[seen:]))

    assert len(values) > 2_000
    assert all(map(is_consistent, values))
    assert all(len(value) <= limits[0] + 40 for value in values)


@pytest.mark.parametrize("limits", LIMITS)
def test_a_value_is_consistent_if_the_log_changes_at_any_step_of_reading_it(
    limits: tuple[int, int],
) -> None:
    random, log = Random(2), FrameLog(*limits)
    read: Any = FrameLog.__dict__["frames"].fget
    steps = left = 0

    def change_once() -> None:
        nonlocal steps, left
        steps += 1
        left -= 1
        if left == 0:
            change(log, random)

    for step in [step for _ in range(10) for step in range(1, 60)]:
        change(log, random)
        left = step
        with traced(at_each_step_of(read, change_once)):
            frames = log.frames
        assert is_consistent(frames)
        assert log.frames.total == log.total

    assert steps > 10_000


def test_other_threads_may_read_the_frames_while_the_log_changes() -> None:
    random, log = Random(3), FrameLog(20, 10**6)
    is_over, torn, reads = Event(), [], 0

    def read() -> None:
        nonlocal reads
        while not is_over.is_set():
            frames = log.frames
            if not is_consistent(frames) or not is_consistent(frames[1:]):
                torn.append(frames)
            reads += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            for _ in range(5_000):
                change(log, random)
            is_over.set()
            for reader in readers:
                reader.result()
    finally:
        is_over.set()
        sys.setswitchinterval(interval)

    assert reads > 0
    assert torn == []


# Memory


WIDE = "x" * 1_000_000 + "🙂"


def memory_of(frames: Iterable[Frame]) -> int:
    return sum(sys.getsizeof(frame.data) for frame in frames)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (WIDE, 2),
        ("x" * 1_000_000 + "日", 5),
        ("🙂" * 250_000, 10),
        ("日" * 333_333, 10),
        ("é" * 500_000, 10),
        ("x" * 1_000_000, 10),
        (b"x" * 1_000_000, 10),
    ],
)
def test_a_text_counts_with_the_memory_that_it_takes(
    data: str | bytes, kept: int, together: bool
) -> None:
    log = FrameLog(1_000, 10_000_050)
    frames = [received(data)] * 25

    if together:
        log.extend(frames)
    else:
        for frame in frames:
            log.append(frame)

    assert len(log.frames) == kept
    assert memory_of(log.frames) < 10_100_000


def test_what_wide_texts_take_is_released_when_they_are_forgotten() -> None:
    log = FrameLog(1_000, 10_000_050)
    narrow = received("x" * 1_000_000)

    for frame in [received(WIDE), narrow] * 20:
        log.append(frame)
    mixed = len(log.frames)
    for _ in range(10):
        log.append(narrow)

    assert mixed == 4
    assert len(log.frames) == 10


def test_clearing_releases_what_wide_texts_take() -> None:
    log = FrameLog(3, 10_000_000)
    log.extend([received(WIDE)] * 2)

    log.clear()
    log.extend([received("x" * 3_000_000)] * 5)

    assert len(log.frames) == 3


@pytest.mark.parametrize("seed", range(10))
def test_the_memory_of_random_texts_is_bounded(seed: int) -> None:
    random = Random(seed)
    log = FrameLog(random.choice([5, 50, 10_000]), 100_000)
    alphabets = ["x", "é", "日", "🙂"]

    for _ in range(300):
        texts = [
            "x" * random.choice([0, 10, 300, 5_000]) + random.choice(alphabets)
            for _ in range(random.choice([1, 1, 5]))
        ]
        log.extend([received(text) for text in texts])

        # Small texts count with their size: what they take beyond it is less than a frame takes.
        bound = 100_000 + (3 * 256 + 80) * len(log.frames)
        assert len(log.frames) == 1 or memory_of(log.frames) <= bound


# Costs


def copies_of_each_append(history: int, frame: Frame, appends: int) -> Iterator[int]:
    log = FrameLog(history, 64_000_000)
    counter = CopyCounter()
    for _ in range(appends):
        log.append(frame)
        yield counter.count(log.frames)


@pytest.mark.parametrize("history", [100, 2_500, 10_000, 40_000])
def test_the_average_append_copies_a_constant_number_of_elements(history: int) -> None:
    appends = 2 * history + 100

    copies = list(copies_of_each_append(history, received("x"), appends))

    assert sum(copies) / appends < 5
    assert max(copies) < 2 * isqrt(history) + 20


def test_large_frames_copy_no_more_than_the_square_root_of_the_history() -> None:
    copies = list(copies_of_each_append(10_000, received(b"x" * 1_000_000), 300))

    assert max(copies) < 2 * isqrt(10_000) + 20


@pytest.mark.parametrize(("history", "history_bytes"), [(10_000, 10**9), (100, 10**9), (10**6, 99)])
def test_append_reads_only_the_newest_frame_and_the_one_it_forgets(
    history: int, history_bytes: int
) -> None:
    log = FrameLog(history, history_bytes)
    looks = []

    for _ in range(2 * min(history, 10_000)):
        MeasuredFrame.looks = 0
        log.append(MeasuredFrame("x", 1.5))
        looks.append(MeasuredFrame.looks)

    assert max(looks) == 2


def test_a_huge_frame_that_displaces_many_reads_each_of_them_once() -> None:
    log = FrameLog(10**6, 10_000)
    for _ in range(10_000):
        log.append(MeasuredFrame("x", 1.5))
    MeasuredFrame.looks = 0

    log.append(MeasuredFrame("x" * 10_000, 1.5))
    log.append(MeasuredFrame("y", 1.5))

    assert len(log.frames) == 1
    assert MeasuredFrame.looks == 10_000 + 1 + 2


def test_frames_that_come_together_copy_no_more_than_one_by_one() -> None:
    log, counter = FrameLog(10_000, 64_000_000), CopyCounter()
    batch = [received("x")] * 250

    copies = []
    for _ in range(120):
        log.extend(batch)
        copies.append(counter.count(log.frames))

    assert sum(copies) / (120 * len(batch)) < 5
    assert len(log.frames) == 10_000


@pytest.mark.parametrize("history", [1, 10, 100, 2_500])
def test_forgotten_frames_are_freed(history: int) -> None:
    before = Payload.alive
    log = FrameLog(history, 10**9)
    most = 0

    for number in range(3 * history + 100):
        log.append(received(Payload(str(number).encode())))
        # Read each time, as an observer does.
        assert len(log.frames) <= history
        most = max(most, Payload.alive - before)

    assert history <= most <= history + isqrt(history) + 2
    del log
    assert Payload.alive == before


def test_forgotten_bytes_are_freed() -> None:
    random = Random(1)
    before = Payload.alive_bytes
    log = FrameLog(10_000, 100_000)
    most = 0

    for _ in range(5_000):
        size = random.choice([1, 100, 1_000, 30_000])
        log.append(received(Payload(bytes(size))))
        most = max(most, Payload.alive_bytes - before)

    # A chunk holds a hundredth of the history; the newest frame is added before the oldest goes.
    assert most <= 100_000 + 1_000 + 30_000


def test_clearing_frees_memory_at_once() -> None:
    before = Payload.alive
    log = log_of(received(Payload(b"x")) for _ in range(100))

    log.clear()

    assert Payload.alive == before


def test_frames_stay_in_order_across_chunks() -> None:
    log = FrameLog(50, 1_000)

    for number in range(500):
        log.append(Frame("x", float(number)))

    assert all(later.time - earlier.time == 1.0 for earlier, later in pairwise(log.frames))
    assert len(log.frames) == 50


@pytest.mark.parametrize("view", [slice(-3, None), slice(0, 3), slice(5_000, 5_003)])
def test_iterating_over_a_few_frames_reads_few_chunks(view: slice) -> None:
    log = FrameLog(10_000, 10**9)
    for number in range(12_000):
        log.append(received(str(number)))
    few = log.frames[view]

    assert len(list(few._parts())) <= 2
    assert list(few) == list(reversed(list(reversed(few))))
    assert len(list(few)) == 3


def test_wide_texts_that_were_cleared_leave_their_room_to_others() -> None:
    log = FrameLog(100, 4_000)
    log.append(Frame("x" * 900 + "🙂", 0.0))
    log.clear()

    for _ in range(8):
        log.append(Frame("y" * 1_000, 0.0))

    assert len(log.frames) == 4
