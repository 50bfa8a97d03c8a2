"""Frames and sequences of them, as values."""

import copy
import pickle
import sys
import timeit
from collections.abc import Callable, Iterable
from typing import Any

import pandas
import pytest

from ipywsecho.frames.log import Control, FrameLog, Notice
from ipywsecho.frames.moments import Moment
from ipywsecho.frames.sequence import Frame, Frames

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def received(data: str | bytes) -> Frame:
    return Frame(data, 1.5)


def numbered(numbers: Iterable[int]) -> list[Frame]:
    return [received(str(number)) for number in numbers]


def log_of(frames: Iterable[Frame], history: int = 1_000) -> FrameLog:
    log = FrameLog(history, 10**9)
    for frame in frames:
        log.append(frame)
    return log


def copies_of(value: Any) -> list[Any]:
    """Return a value as it comes out of every way of copying it."""
    pickled = [pickle.loads(pickle.dumps(value, protocol)) for protocol in PROTOCOLS]
    return [copy.copy(value), copy.deepcopy(value), *pickled]


# Frame


def test_a_frame_has_its_payload_time_direction_and_size() -> None:
    frame = Frame("hello", 12.5)

    assert (frame.data, frame.time, frame.sent, frame.size) == ("hello", 12.5, False, 5)


def test_a_sent_frame_is_marked_as_sent() -> None:
    assert Frame("hello", 12.5, sent=True).sent is True


@pytest.mark.parametrize(
    ("data", "size"),
    [
        ("", 0),
        (b"", 0),
        ("hello", 5),
        ("é", 2),
        ("日本語", 9),
        ("a🙂", 5),
        ("\ud800", 3),
        (b"\xff\x00\xfe", 3),
        ("é" * 100_000, 200_000),
    ],
)
def test_size_is_the_length_of_the_payload_in_bytes(data: str | bytes, size: int) -> None:
    assert received(data).size == size


@pytest.mark.parametrize("name", ["data", "time", "sent", "size", "note"])
def test_a_frame_is_immutable(name: str) -> None:
    frame = received("hello")

    with pytest.raises(AttributeError):
        setattr(frame, name, "other")

    assert frame == received("hello")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("data", ["日本語", b"\x00\xff"])
def test_a_frame_survives_pickling(data: str | bytes, protocol: int) -> None:
    frame = Frame(data, 12.5, sent=True)

    again = pickle.loads(pickle.dumps(frame, protocol))

    assert type(again) is Frame
    assert (again.data, again.time, again.sent, again.size) == (data, 12.5, True, frame.size)


def test_a_copied_frame_is_equal() -> None:
    frame = Frame("日本語", 12.5, sent=True)

    copies = [copy.copy(frame), copy.deepcopy(frame)]

    assert copies == [frame, frame]
    assert [type(each) for each in copies] == [Frame, Frame]


def test_frames_with_the_same_content_are_equal() -> None:
    assert received("a") == received("a")
    assert hash(received("a")) == hash(received("a"))


@pytest.mark.parametrize(
    "other", [Frame("b", 1.5), Frame(b"a", 1.5), Frame("a", 2.5), Frame("a", 1.5, sent=True)]
)
def test_frames_that_differ_in_any_field_are_not_equal(other: Frame) -> None:
    assert other != received("a")


@pytest.mark.parametrize("data", ['{"a": [1, null]}', b'{"a": [1, null]}'])
def test_json_returns_the_parsed_payload(data: str | bytes) -> None:
    assert received(data).json() == {"a": [1, None]}


@pytest.mark.parametrize("data", ["", "hello", b"\xff\xfe\xfd"])
def test_json_raises_if_the_payload_is_not_json(data: str | bytes) -> None:
    frame = received(data)

    with pytest.raises(ValueError, match=r"."):
        frame.json()


def test_repr_shows_a_short_payload_completely() -> None:
    frame = Frame("x" * 60, 1.5, sent=True)

    assert repr(frame) == f"Frame('{'x' * 60}', time=1.5, sent=True, size=60)"


@pytest.mark.parametrize("data", ["x" * 61, b"x" * 61, "\n" * 1_000_000])
def test_repr_of_a_long_payload_is_short_and_shows_its_size(data: str | bytes) -> None:
    shown = repr(received(data))

    assert len(shown) < 200
    assert "\n" not in shown
    assert shown.endswith(f"…, time=1.5, sent=False, size={len(data)})")
    assert repr(data[:60]) in shown


def test_a_frame_keeps_a_size_of_its_own_in_every_copy() -> None:
    frame = Frame("secret", 1.5, size=99)

    assert [each.size for each in copies_of(frame)] == [99] * len(copies_of(frame))


def test_a_frame_with_other_data_has_another_size() -> None:
    frame = received("hello")

    changed = frame._replace(data="日本語")

    assert changed == Frame("日本語", 1.5)
    assert (type(changed), changed.size, frame.size) == (Frame, 9, 5)


def test_a_size_that_is_given_with_other_data_is_kept() -> None:
    assert received("hello")._replace(data="hi", size=7).size == 7
    assert received("hello")._replace(size=7).size == 7


def test_other_fields_keep_the_size() -> None:
    assert Frame("hello", 1.5, size=7)._replace(time=2.5) == Frame("hello", 2.5, size=7)


def test_a_field_that_a_frame_does_not_have_cannot_be_replaced() -> None:
    with pytest.raises((TypeError, ValueError), match="note"):
        received("hello")._replace(note="x")


@pytest.mark.parametrize(
    ("fields", "size"),
    [(("é", 1.5), 2), (("é", 1.5, True), 2), (("é", 1.5, True, 9), 9), (("é", 1.5, True, None), 2)],
)
def test_a_frame_made_from_its_fields_has_a_size(fields: tuple[Any, ...], size: int) -> None:
    frame = Frame._make(fields)

    assert (type(frame), frame.data, frame.size) == (Frame, "é", size)


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000])
def test_json_of_deep_nesting_raises_an_error_in_words(data: str | bytes) -> None:
    with pytest.raises(ValueError, match="is nested too deeply for Python; read the payload"):
        received(data).json()


@pytest.mark.parametrize("data", ["9" * 5_000, b'"\xff"', b'{"a": \xc3', b"\x00"])
def test_json_that_python_cannot_read_raises_an_error(data: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        received(data).json()


def test_json_may_contain_a_lone_surrogate() -> None:
    assert received('"\ud800"').json() == "\ud800"


# Sequences as values


def test_values_of_one_moment_are_equal() -> None:
    log = log_of(numbered(range(35)), history=10)

    assert log.frames[:2] == log.frames[:2]
    assert log.frames[::2] == log.frames[::2]
    assert log.frames[2:2] == log.frames[5:5]
    assert hash(log.frames[::2]) == hash(log.frames[::2])


def test_values_of_several_logs_are_equal_if_their_frames_are() -> None:
    one, other = (log_of(numbered(range(35)), history) for history in (10, 11))

    assert one.frames == other.frames[1:]
    assert hash(one.frames) == hash(other.frames[1:])


def test_values_that_differ_in_a_frame_are_not_equal() -> None:
    log = log_of(numbered(range(35)), history=10)
    before = log.frames

    log.append(received("25"))

    assert before != log.frames
    assert before[1:] == log.frames[:-1]
    assert hash(before[1:]) == hash(log.frames[:-1])
    assert log.frames[:3] != log.frames[1:4]
    assert log.frames[:3] != log.frames[:4]


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_value_is_not_equal_to_a_list_or_a_tuple(kind: Callable[[Any], Any]) -> None:
    frames = log_of(numbered(range(3))).frames

    assert frames != kind(frames)
    assert kind(frames) != frames


class CountingFrame(Frame):
    """A frame class that counts how often instances are compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        CountingFrame.compared += 1
        return super().__eq__(other)

    __hash__ = Frame.__hash__


@pytest.mark.parametrize("history", [10, 1_000_000])
def test_successive_values_are_compared_by_at_most_a_frame(history: int) -> None:
    log = FrameLog(history, 10**9)
    log.extend([CountingFrame("x", float(number)) for number in range(100_000)])
    before, again = log.frames, log.frames[:]
    log.append(CountingFrame("x", 1.5))
    CountingFrame.compared = 0

    assert before != log.frames
    assert before[5:9] == again[5:9]
    assert before == again
    assert CountingFrame.compared <= 1


@pytest.mark.parametrize(
    "part", [slice(None), slice(2, 5), slice(None, None, -2), slice(0, 0), slice(-1, None)]
)
def test_a_sequence_survives_copying(part: slice) -> None:
    frames = log_of(numbered(range(35)), history=10).frames[part]

    for again in copies_of(frames):
        assert type(again) is Frames
        assert again == frames
        assert (list(again), again.total) == (list(frames), 35)


def test_a_pickled_slice_contains_no_other_frames() -> None:
    log = log_of([received("x" * 10_000), received("y")])

    assert len(pickle.dumps(log.frames[1:])) < 1_000


@pytest.mark.parametrize(
    "value",
    [
        Notice(1.5, "lost", is_error=True),
        Control(1.5, 9, b"hey", sent=True),
        Control(1.5, 0, fragments=3),
        Moment.of(1.5, 7.25),
        Notice(Moment.of(1.5, 7.25), "connected"),
        Frame("x", Moment.of(1.5, 7.25)),
    ],
    ids=repr,
)
def test_every_value_survives_copying(value: Any) -> None:
    for again in copies_of(value):
        assert type(again) is type(value)
        assert again == value
        moment = getattr(value, "time", value)
        if isinstance(moment, Moment):
            assert getattr(again, "time", again).order == moment.order


# Tables


def test_pandas_makes_a_table_of_the_frames() -> None:
    log = FrameLog(2, 1_000)
    for frame in [received("forgotten"), Frame("é", 2.5), Frame(b"\x00", 3.5, sent=True)]:
        log.append(frame)

    table = pandas.DataFrame(log.frames)

    assert list(table.columns) == ["data", "time", "sent", "size"]
    assert table.to_dict("list") == {
        "data": ["é", b"\x00"],
        "time": [2.5, 3.5],
        "sent": [False, True],
        "size": [2, 1],
    }


def test_a_dataframe_has_a_row_for_each_frame_with_its_time_in_utc() -> None:
    log = FrameLog(10, 10**9)
    log.append(Frame("é", 1_700_000_000.25))
    log.append(Frame(b"\x00", 1_700_000_001.5, sent=True))

    table = log.frames.to_dataframe()

    assert list(table.columns) == ["time", "direction", "kind", "size", "data"]
    assert [str(time) for time in table["time"]] == [
        "2023-11-14 22:13:20.250000+00:00",
        "2023-11-14 22:13:21.500000+00:00",
    ]
    assert table.drop(columns="time").to_numpy().tolist() == [
        ["received", "text", 2, "é"],
        ["sent", "bytes", 1, b"\x00"],
    ]


def test_an_empty_dataframe_has_all_columns() -> None:
    table = FrameLog(10, 10**9).frames.to_dataframe()

    assert list(table.columns) == ["time", "direction", "kind", "size", "data"]
    assert str(table["time"].dtype).endswith(", UTC]")
    assert table.empty


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match="%pip install pandas"):
        FrameLog(10, 10**9).frames.to_dataframe()


def test_a_dataframe_takes_little_longer_than_pandas_needs_for_its_columns() -> None:
    frames = log_of(
        [Frame("x", 1.7e9 + number, number % 2 == 0) for number in range(50_000)], 50_000
    ).frames
    made = frames.to_dataframe()
    columns = {name: made[name].tolist() for name in made.columns if name != "time"}
    times = [frame.time for frame in frames]

    def by_pandas() -> None:
        pandas.DataFrame({"time": pandas.to_datetime(times, unit="s", utc=True), **columns})

    rounds = [
        (timeit.timeit(frames.to_dataframe, number=1), timeit.timeit(by_pandas, number=1))
        for _ in range(5)
    ]
    ours, theirs = (min(times) for times in zip(*rounds, strict=True))

    assert ours < 3 * theirs
