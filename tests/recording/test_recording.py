"""Recordings as values and as files, including files of browsers and damaged files."""

import asyncio
import copy
import errno
import gc
import gzip
import json
import os
import pickle
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipywsecho import (
    ConsoleError,
    EchoServer,
    Frame,
    Recording,
    RecordingError,
    SaveError,
    WebSocketConsole,
    load,
    load_async,
)
from ipywsecho.frames.log import FrameLog, Frames, Notice
from ipywsecho.masking import Secrets
from ipywsecho.recording import jsonl

SAMPLES = Path(__file__).with_name("samples")
NOW = 1_740_819_600.123456

TALK = Recording(
    frames=[
        Frame("Hello!", NOW, sent=True),
        Frame("Hello! ❄ \u2028\x00\r\n", NOW + 0.1),
        Frame(b"\x00\xff", NOW + 0.1),
        Frame("", NOW + 0.1, sent=True),
        Frame(b"", NOW + 0.3),
    ],
    notices=[Notice(NOW - 0.1, "connected to ws://host"), Notice(NOW + 1, "lost", is_error=True)],
    uri="wss://host/chat?room=1",
    subprotocol="chat",
    close_code=4001,
    close_reason="bye",
    forgotten=7,
)

moments = st.floats(0, 32_503_680_000, exclude_max=True)
texts = st.text(st.characters(codec="utf-8"))
frames = st.builds(Frame, texts | st.binary(), moments, st.booleans(), size=st.none())
notices = st.builds(Notice, moments, texts, st.booleans(), st.just(1), st.none()) | st.builds(
    Notice, moments, texts, st.just(True), st.integers(2, 10**6), moments
)
recordings = st.builds(
    Recording,
    frames=st.lists(frames),
    notices=st.lists(notices),
    uri=st.none() | texts.filter(bool),
    subprotocol=st.none() | texts.filter(bool),
    close_code=st.none() | st.integers(1000, 4999),
    close_reason=st.none() | texts,
    forgotten=st.integers(0, 10**9),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples of a property-based test."""
    return tmp_path_factory.mktemp("recordings")


def frames_of(*data: str, start: float = NOW, sent: bool = False, history: int = 100) -> Frames:
    """Return frames as a console keeps them, one second apart."""
    log = FrameLog(history, 10**6)
    for number, each in enumerate(data):
        log.append(Frame(each, start + number, sent))
    return log.frames


def har_of(*messages: Any, uri: Any = "wss://host/", **entry: Any) -> dict[str, Any]:
    """Return an archive with one connection."""
    return {"log": {"entries": [_connection(*messages, uri=uri, **entry)]}}


def _connection(*messages: Any, uri: Any = "wss://host/", **entry: Any) -> dict[str, Any]:
    return {"request": {"url": uri}, "_webSocketMessages": list(messages), **entry}


def _message(**changes: Any) -> dict[str, Any]:
    return {"type": "receive", "time": NOW, "opcode": 1, "data": "Hello!", **changes}


def _complaint(path: Path, **options: Any) -> str:
    """Return the message of the error that loading the file raises."""
    with pytest.raises(RecordingError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path)).lstrip(", ")


# The value


def test_frames_of_both_directions_are_merged_by_time() -> None:
    received = frames_of("b", "d", start=NOW + 0.5)
    sent = frames_of("a", "c", start=NOW, sent=True)

    merged = Recording.merged(received, sent)

    assert [frame.data for frame in merged.frames] == ["a", "b", "c", "d"]


def test_with_equal_times_a_sent_frame_comes_first() -> None:
    merged = Recording.merged(frames_of("answer"), frames_of("question", sent=True))

    assert [frame.data for frame in merged.frames] == ["question", "answer"]


def test_forgotten_frames_are_counted() -> None:
    received = frames_of("a", "b", "c", "d", history=1)

    merged = Recording.merged(received, frames_of("e", sent=True))

    assert [frame.data for frame in merged.frames] == ["e", "d"]
    assert merged.forgotten == 3


def test_secrets_are_masked_everywhere_but_in_the_frames() -> None:
    merged = Recording.merged(
        frames_of("tomato-soup"),
        frames_of(),
        [Notice(NOW, "tomato-soup was refused")],
        secrets=Secrets(frozenset({"tomato-soup"})),
        uri="wss://host/tomato-soup",
        close_code=1008,
        close_reason="no tomato-soup",
    )

    assert merged.notices == (Notice(NOW, "••• was refused"),)
    assert merged.uri == "wss://host/•••"
    assert merged.close_reason == "no •••"
    assert merged.frames[0].data == "tomato-soup"


def test_the_address_of_a_recording_is_masked() -> None:
    assert Recording(uri="wss://me:soup@host/?token=tomato").uri == "wss://•••@host/?token=•••"


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
def test_a_file_contains_no_secret_outside_of_its_frames(tmp_path: Path, name: str) -> None:
    key, token = "9aa3d95b3bc440fa88ea12eaa4456161", "abc-token-7"
    recording = Recording(
        [Frame("Hello!", NOW)],
        [Notice(NOW, f"{key} and {token} refused", is_error=True)],
        uri=f"wss://ann:pa55word@host/v3/{key};jsessionid=J42?k=letters&interval=0.5#auth=frag1",
        subprotocol=f"bearer.{token}",
        close_code=4001,
        close_reason=f"no {key}, {token}",
    )

    recording.save(tmp_path / name)

    text = (tmp_path / name).read_text("utf-8")
    secrets = [key, token, "pa55word", "J42", "letters", "frag1"]
    assert [each for each in secrets if each in text] == []
    assert "interval=0.5" in text
    assert "bearer.•••" in text
    assert load(tmp_path / name).uri == recording.uri


def test_pandas_makes_a_table_of_the_frames() -> None:
    table = pd.DataFrame(TALK.frames)

    assert list(table.columns) == ["data", "time", "sent", "size"]
    assert list(table["sent"]) == [True, False, False, True, False]


def test_a_recording_is_an_immutable_value() -> None:
    with pytest.raises(AttributeError):
        TALK.uri = "ws://elsewhere"  # type: ignore[misc]
    assert repr(TALK) == "<Recording: 5 frames of wss://host/chat?room=1>"


def test_a_recording_survives_copying() -> None:
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    pickled = [pickle.loads(pickle.dumps(TALK, protocol)) for protocol in protocols]

    assert [copy.copy(TALK), copy.deepcopy(TALK), *pickled] == [TALK] * 6


# Round trips


def test_a_jsonl_file_stores_a_complete_recording(tmp_path: Path) -> None:
    TALK.save(tmp_path / "talk.jsonl")

    assert load(tmp_path / "talk.jsonl") == TALK


def test_a_jsonl_file_has_the_documented_members(tmp_path: Path) -> None:
    TALK.save(tmp_path / "talk.jsonl")

    text = (tmp_path / "talk.jsonl").read_bytes().decode()
    header, *others = [json.loads(line) for line in text.removesuffix("\n").split("\n")]

    assert header == {
        "format": "ipywsecho recording",
        "version": 1,
        "uri": "wss://host/chat?room=1",
        "subprotocol": "chat",
        "close_code": 4001,
        "close_reason": "bye",
        "forgotten": 7,
        "frames": 5,
        "notices": 2,
    }
    assert others[:2] == [
        {"type": "notice", "time": NOW - 0.1, "opcode": -1, "data": "connected to ws://host"},
        {"type": "send", "time": NOW, "opcode": 1, "data": "Hello!"},
    ]
    assert others[3] == {"type": "receive", "time": NOW + 0.1, "opcode": 2, "data": "AP8="}
    assert others[-1]["type"] == "error"
    assert all(name in str(jsonl.__doc__) for name in [*header, *others[0]])


def test_a_har_file_stores_frames_errors_address_and_subprotocol(tmp_path: Path) -> None:
    TALK.save(tmp_path / "talk.har")

    assert load(tmp_path / "talk.har") == Recording(
        frames=TALK.frames, notices=TALK.notices[1:], uri=TALK.uri, subprotocol="chat"
    )


def test_a_har_file_has_all_members_required_by_the_format(tmp_path: Path) -> None:
    TALK.save(tmp_path / "talk.har")

    log = json.loads((tmp_path / "talk.har").read_text("utf-8"))["log"]
    [entry] = log["entries"]
    request, response, timings = entry["request"], entry["response"], entry["timings"]

    assert log["version"] == "1.2"
    assert log["pages"] == []
    assert log["creator"].keys() == {"name", "version"}
    assert entry["startedDateTime"] == "2025-03-01T09:00:00.123+00:00"
    assert entry["time"] == sum(timings.values()) == pytest.approx(300, abs=0.1)
    assert timings.keys() == {"send", "wait", "receive"}
    assert entry["cache"] == {}
    assert entry["_resourceType"] == "websocket"
    for half in (request, response):
        assert {"httpVersion", "cookies", "headers", "headersSize", "bodySize"} <= half.keys()
        assert {"name": "Sec-WebSocket-Protocol", "value": "chat"} in half["headers"]
    assert request["method"] == "GET"
    assert request["url"] == TALK.uri
    assert request["queryString"] == [{"name": "room", "value": "1"}]
    assert (response["status"], response["statusText"]) == (101, "Switching Protocols")
    assert response["content"] == {"size": 0, "mimeType": "x-unknown"}
    assert response["redirectURL"] == ""
    assert entry["_webSocketMessages"][:3] == [
        {"type": "send", "time": NOW, "opcode": 1, "data": "Hello!"},
        {"type": "receive", "time": NOW + 0.1, "opcode": 1, "data": TALK.frames[1].data},
        {"type": "receive", "time": NOW + 0.1, "opcode": 2, "data": "AP8="},
    ]


@pytest.mark.parametrize("name", ["long.jsonl", "long.har"])
def test_a_long_frame_is_saved_in_pieces_and_loaded_completely(tmp_path: Path, name: str) -> None:
    long = Recording([Frame("é“\n" * 10**6, NOW), Frame(bytes(range(256)) * 8_001, NOW + 1)])

    long.save(tmp_path / name)

    assert load(tmp_path / name) == long


@settings(deadline=None)
@given(recordings)
def test_any_recording_survives_a_jsonl_file(folder: Path, any_recording: Recording) -> None:
    any_recording.save(folder / "any.jsonl")

    assert load(folder / "any.jsonl") == any_recording


@settings(deadline=None)
@given(recordings)
def test_any_frames_survive_a_har_file(folder: Path, any_recording: Recording) -> None:
    any_recording.save(folder / "any.har")

    assert load(folder / "any.har").frames == any_recording.frames


# Damaged files


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
def test_a_truncated_file_is_rejected(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    TALK.save(path)
    whole, loaded = path.read_bytes(), load(path)

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        # Only the last line break is optional.
        if length == len(whole) - 1:
            assert load(path) == loaded
        else:
            assert "line " in _complaint(path)


@settings(deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
def test_a_file_with_a_wrong_byte_is_loaded_or_rejected(
    folder: Path, name: str, data: st.DataObject
) -> None:
    path = folder / f"wrong-{name}"
    TALK.save(path)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    try:
        loaded = load(path)
    except RecordingError:
        return
    loaded.save(path)
    assert load(path) == loaded


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1: the file is empty"),
        (b" \r\n", "line 1: the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "line 1: this is not valid UTF-8"),
        (gzip.compress(b"{}", mtime=0), "if the file is compressed, decompress it"),
        (b"{}\n\n\xff", "line 3: this is not valid UTF-8"),
        (b"Hello!", "line 1: this is not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 10_000, "line 1: "),
        (b"[]", "line 1: this is "),
        (b"null", "line 1: this is "),
    ],
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.har"])
def test_a_file_of_another_format_is_rejected(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)

    assert complaint in _complaint(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"time": float("nan")},
            "time is nan; it must be in seconds since the epoch, before the year 3000",
        ),
        ({"time": float("inf")}, "time is inf"),
        ({"time": float("-inf")}, "time is -inf"),
        ({"time": 1e20}, "time is 1e+20"),
        ({"time": 10**400}, "time is 1000000000000000000000000000000000000000…"),
        ({"time": -1}, "time is -1"),
        ({"time": "now"}, "time is 'now'"),
        ({"time": True}, "time is True"),
        ({"time": None}, "time is missing"),
        ({"data": None}, "data is missing; it must be a string"),
        ({"data": {"a": 1}}, "data is {'a': 1}; it must be a string"),
        ({"data": "\ud800"}, "data contains a lone surrogate"),
        ({"opcode": 2, "data": "AP8"}, "data of a binary frame is not valid base64"),
        ({"opcode": 2, "data": "A*P8="}, "data of a binary frame is not valid base64"),
        ({"opcode": 2, "data": "❄"}, "data of a binary frame is not valid base64"),
        ({"opcode": 3}, "opcode is 3; it must be 1 for text or 2 for binary"),
        ({"opcode": [1]}, "opcode is [1]"),
        ({"opcode": None}, "opcode is missing"),
        ({"type": "push"}, "type is 'push'; it must be “send” or “receive”"),
        ({"type": ["send"]}, "type is ['send']"),
        ({"type": None}, "type is missing"),
    ],
)
def test_an_invalid_frame_is_rejected_with_its_place(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    wrong = _message(**changes)
    jsonl, har = tmp_path / "wrong.jsonl", tmp_path / "wrong.har"
    Recording([Frame("first", NOW), Frame("second", NOW)]).save(jsonl)
    header, first, _ = jsonl.read_text("utf-8").splitlines()
    jsonl.write_text("\n".join([header, first, json.dumps(wrong)]))
    har.write_text(json.dumps(har_of(_message(), wrong)))

    assert _complaint(jsonl).startswith(f"line 3: {complaint}")
    assert _complaint(har).startswith(f"log.entries[0]._webSocketMessages[1]: {complaint}")


@pytest.mark.parametrize("frame", ["[]", "1", "null", '"text"'])
def test_a_line_that_is_not_an_object_is_rejected(tmp_path: Path, frame: str) -> None:
    path = tmp_path / "wrong.jsonl"
    Recording().save(path)
    path.write_text(path.read_text("utf-8") + frame)

    assert "is not a frame; it must be a JSON object" in _complaint(path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": "another"}, "this is not the header of a recording"),
        ({"version": 2}, "version is 2, but only version 1 is supported"),
        ({"version": None}, "version is missing, but only version 1 is supported"),
        ({"uri": 5}, "uri is 5; it must be a string"),
        ({"subprotocol": []}, "subprotocol is []"),
        ({"close_code": 7}, "close_code is 7; it must be from 1000 to 4999"),
        ({"close_code": "1000"}, "close_code is '1000'"),
        ({"close_reason": False}, "close_reason is False"),
        ({"forgotten": -1}, "forgotten is -1"),
        ({"frames": 1.0}, "frames is 1.0"),
        ({"notices": None}, "notices is missing"),
    ],
)
def test_an_invalid_header_is_rejected(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "wrong.jsonl"
    TALK.save(path)
    header, *others = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([json.dumps({**json.loads(header), **changes}).encode(), *others]))

    assert _complaint(path).startswith(f"line 1: {complaint}")


def test_a_file_with_missing_lines_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    TALK.save(path)
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:4]))

    assert _complaint(path) == (
        "line 4: the file ends after 2 frames, 1 notices and 0 control frames, but line 1 "
        "announces 5 frames, 2 notices and 0 control frames; "
        "look for a complete copy"
    )


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
def test_a_byte_order_mark_and_other_line_endings_are_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    TALK.save(path)
    loaded = load(path)

    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert load(path) == loaded


def test_the_last_of_two_members_with_the_same_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    Recording([Frame("Hello!", NOW)]).save(path)
    path.write_text(path.read_text("utf-8").replace('"data"', '"data":"first","data"'))

    assert load(path).frames == (Frame("Hello!", NOW),)


def test_a_file_that_cannot_be_read_is_rejected_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()

    assert _complaint(tmp_path / "folder.jsonl").endswith("(Is a directory); check the path")
    assert _complaint(tmp_path / "x.har").endswith(
        "cannot be read (No such file or directory); check the path"
    )
    assert "null byte" in _complaint(tmp_path / "\0.har")


def test_an_unknown_extension_is_rejected(tmp_path: Path) -> None:
    line = "has an unknown extension; it must end in .jsonl or .har"

    assert _complaint(tmp_path / "talk.txt") == line
    with pytest.raises(RecordingError, match=line):
        TALK.save(tmp_path / "talk")
    TALK.save(tmp_path / "TALK.JSONL")
    assert load(tmp_path / "TALK.JSONL") == TALK


# Files of browsers


def test_a_file_of_chrome_is_loaded() -> None:
    loaded = load(SAMPLES / "chrome.har")

    assert loaded == Recording(
        frames=[
            Frame("Hello! ❄", 1740819600.251374, sent=True),
            Frame('{"greeting":"Hello!"}', 1740819600.298001),
            Frame(b"\x00\xffab", 1740819601.3),
        ],
        notices=[
            Notice(
                1740819602.0,
                "Received a broken close frame containing invalid UTF-8.",
                is_error=True,
            )
        ],
        uri="wss://lesson.example/chat?token=•••",
        subprotocol="chat.v1",
    )


def test_the_error_for_a_file_of_firefox_says_that_it_exports_no_messages() -> None:
    assert _complaint(SAMPLES / "firefox.har") == (
        "log.entries: the file contains a WebSocket, but not its messages, which Firefox does not "
        "export; use Chrome or Edge"
    )


def test_a_har_file_without_a_websocket_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "page.har"
    path.write_text('{"log": {"entries": [{"response": {"status": 200}}, {}, 5]}}')

    assert _complaint(path).startswith("log.entries: the file contains no WebSocket")


def test_one_of_several_connections_must_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "two.har"
    entries = [
        _connection(_message(data="a"), uri="wss://me:soup@one/"),
        {"request": {"url": "https://page/"}},
        _connection(_message(data="b"), _message(data="c"), uri="wss://two/"),
    ]
    path.write_text(json.dumps({"log": {"entries": entries}}))
    listed = (
        "log.entries: the file contains 2 WebSockets; choose one: entry=0 is 'wss://•••@one/' with "
        "1 message; entry=1 is 'wss://two/' with 2 messages"
    )

    assert _complaint(path) == listed
    assert _complaint(path, entry=2) == listed
    assert _complaint(path, entry=-1) == listed
    assert [frame.data for frame in load(path, entry=0).frames] == ["a"]
    assert [frame.data for frame in load(path, entry=1).frames] == ["b", "c"]


def test_only_the_first_of_many_connections_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.har"
    path.write_text(json.dumps({"log": {"entries": [_connection() for _ in range(5_000)]}}))

    complaint = _complaint(path)

    assert "the file contains 5,000 WebSockets" in complaint
    assert complaint.endswith("entry=9 is 'wss://host/' with 0 messages; …")


def test_control_frames_of_other_tools_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "control.har"
    control = [_message(opcode=opcode, data="", code=1000) for opcode in (8, 9, 10)]
    path.write_text(json.dumps(har_of(*control, _message())))

    assert load(path).frames == (Frame("Hello!", NOW),)


@pytest.mark.parametrize(
    ("har", "complaint"),
    [
        ({"log": []}, "line 1: this is JSON, but not a HAR file"),
        ({"log": {"entries": {}}}, "line 1: this is JSON, but not a HAR file"),
        (har_of(uri=7), "log.entries[0]: url is 7; it must be a string"),
        (har_of(uri=None), "log.entries[0]: url is missing"),
        (har_of(_webSocketMessages={}), "log.entries[0]: _webSocketMessages is {}"),
        (
            har_of(response={"headers": [{"name": "SEC-WEBSOCKET-PROTOCOL", "value": 5}]}),
            "log.entries[0]: Sec-WebSocket-Protocol is 5",
        ),
    ],
)
def test_a_har_file_with_invalid_members_is_rejected(
    tmp_path: Path, har: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "wrong.har"
    path.write_text(json.dumps(har))

    assert _complaint(path).startswith(complaint)


def test_the_error_for_a_truncated_har_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.har"
    path.write_bytes((SAMPLES / "chrome.har").read_bytes()[:1_000])

    assert _complaint(path).startswith("line 44: this is not valid JSON (")


@pytest.mark.parametrize("uri", ["ws://[", "wss://host:port/?a=b&&", "5"])
def test_an_invalid_address_is_stored_unchanged(tmp_path: Path, uri: str) -> None:
    Recording(uri=uri).save(tmp_path / "odd.har")

    assert load(tmp_path / "odd.har").uri == uri


# Writing


def test_a_recording_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    for frame in (Frame("x", float("nan")), Frame("x", 1e20), Frame("x", -1), Frame("\ud800", NOW)):
        with pytest.raises(RecordingError, match=r"cannot be saved|was not saved"):
            Recording([frame]).save(path)

    assert os.listdir(tmp_path) == []


def test_saving_to_a_missing_folder_raises_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "talk.har"

    with pytest.raises(SaveError) as caught:
        TALK.save(path)

    assert isinstance(caught.value, ConsoleError)
    assert str(caught.value) == (
        f"{path} was not saved (No such file or directory); create the folder first, or choose "
        "another"
    )


def test_saving_to_the_path_of_a_folder_raises_an_error(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.mkdir()

    with pytest.raises(SaveError, match=r"was not saved \(Is a directory\); save it elsewhere"):
        TALK.save(path)

    assert os.listdir(tmp_path) == ["talk.jsonl"]


def test_saving_to_a_read_only_folder_raises_an_error() -> None:
    with pytest.raises(SaveError, match=r"^/proc/talk\.har was not saved \(.+\); "):
        TALK.save("/proc/talk.har")


def test_a_full_disk_leaves_an_existing_file_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.jsonl"
    TALK.save(path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match=r"\(No space left on device\); free some space"):
        Recording().save(path)

    assert load(path) == TALK
    assert os.listdir(tmp_path) == ["talk.jsonl"]


def test_a_file_that_is_open_in_another_program_on_windows_is_left_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.jsonl"
    TALK.save(path)

    def refuse(*_: object) -> None:
        error = PermissionError(errno.EACCES, "Access is denied")
        error.winerror = 5  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(
        SaveError, match=r"\(Access is denied\); if another program has it open, close it there"
    ):
        Recording().save(path)

    assert load(path) == TALK
    assert os.listdir(tmp_path) == ["talk.jsonl"]


def test_an_interrupt_leaves_an_existing_file_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.jsonl"
    TALK.save(path)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Recording().save(path)

    assert load(path) == TALK
    assert os.listdir(tmp_path) == ["talk.jsonl"]


def test_saving_to_a_symbolic_link_replaces_its_target(tmp_path: Path) -> None:
    link, target = tmp_path / "link.jsonl", tmp_path / "target.jsonl"
    link.symlink_to(target)

    TALK.save(link)

    assert link.is_symlink()
    assert load(target) == TALK


# A console


async def _console(uri: str) -> WebSocketConsole:
    console = WebSocketConsole(uri, reconnect=False, history=3)
    await console.connect()
    return console


async def _closed(console: WebSocketConsole) -> None:
    console.close()
    await asyncio.gather(*console._session.home._tasks)


async def test_a_console_saves_everything_it_keeps(tmp_path: Path) -> None:
    async with EchoServer() as server:
        console = await _console(f"{server.uri}".replace("://", "://me:tomato-soup@"))
        for data in ("forgotten", "a", b"b", "❄"):
            await console.request(data)
        await console.save(tmp_path / "open.jsonl")
        await console.disconnect(4001, "no tomato-soup")
        await console.save(tmp_path / "closed.jsonl")

    loaded = load(tmp_path / "open.jsonl")
    assert [(frame.data, frame.sent) for frame in loaded.frames] == [
        (data, sent) for data in ("a", b"b", "❄") for sent in (True, False)
    ]
    assert set(loaded.frames) == {*console.frames, *console.sent}
    assert loaded.forgotten == 2
    assert loaded.close_code is None
    assert loaded.notices[0].text.startswith("connected to ")
    assert b"tomato-soup" not in (tmp_path / "open.jsonl").read_bytes()
    loaded = load(tmp_path / "closed.jsonl")
    assert (loaded.close_code, loaded.close_reason) == (4001, "no •••")
    assert loaded == console.recording
    await _closed(console)


async def test_saving_a_console_raises_the_same_errors(tmp_path: Path) -> None:
    console = WebSocketConsole()

    with pytest.raises(SaveError, match="create the folder first"):
        await console.save(tmp_path / "nowhere" / "talk.jsonl")
    with pytest.raises(RecordingError, match=r"must end in \.jsonl or \.har"):
        await console.save(tmp_path / "talk")

    await _closed(console)


async def test_the_event_loop_runs_while_a_console_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = WebSocketConsole()
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()
    gate = asyncio.Event()

    async def wait_for_gate() -> None:
        reached.set()
        await gate.wait()

    def wait_in_thread(_: int) -> None:
        # Returns only if the loop runs meanwhile.
        asyncio.run_coroutine_threadsafe(wait_for_gate(), loop).result(timeout=20)

    monkeypatch.setattr(os, "fsync", wait_in_thread)
    saving = asyncio.ensure_future(console.save(tmp_path / "talk.jsonl"))
    async with asyncio.timeout(60):
        await reached.wait()
        assert not (tmp_path / "talk.jsonl").exists()
        gate.set()
        await saving

    assert load(tmp_path / "talk.jsonl").frames == ()
    await _closed(console)


# Loading while the event loop goes on


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
async def test_a_recording_is_loaded_asynchronously_as_otherwise(tmp_path: Path, name: str) -> None:
    TALK.save(tmp_path / name)

    assert await load_async(tmp_path / name, entry=0) == load(tmp_path / name, entry=0)


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har", "talk.txt"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b"[" * 200_000, b"{}\n"])
async def test_loading_asynchronously_raises_the_same_errors(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RecordingError) as expected:
        load(path)
    with pytest.raises(RecordingError) as caught:
        await load_async(path)

    assert str(caught.value) == str(expected.value)


async def test_without_threads_a_recording_is_loaded_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TALK.save(tmp_path / "talk.jsonl")
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(asyncio, "to_thread", None)

    assert await load_async(tmp_path / "talk.jsonl") == TALK


async def largest_gap_beside(path: Path) -> float:
    """Return how long the event loop stood still while a file was loaded, beside `load` itself."""
    start = perf_counter()
    load(path)
    duration = perf_counter() - start
    # The collector would look through what all other tests left, and hold the loop meanwhile.
    gc.collect()
    gc.freeze()
    gaps, last = [], perf_counter()
    loading = asyncio.ensure_future(load_async(path))
    while not loading.done():
        await asyncio.sleep(0.001)
        gaps.append(perf_counter() - last)
        last += gaps[-1]
    gc.unfreeze()
    await loading
    return max(gaps) / duration


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
async def test_the_event_loop_runs_while_a_large_file_is_loaded(tmp_path: Path, name: str) -> None:
    frames = [Frame(f"é {number}" * 20, NOW + number / 1000) for number in range(60_000)]
    Recording(frames=frames, uri="ws://host/").save(tmp_path / name)

    gaps = [await largest_gap_beside(tmp_path / name) for _ in range(3)]

    assert min(gaps) < 1 / 8


# What `decode` makes of frames


def decode(frame: Frame) -> object:
    """Makes a value of each binary frame, and fails for empty ones."""
    if isinstance(frame.data, str):
        return frame.data
    return {"first": frame.data[0], "rest": frame.data[1:]}


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
def test_what_was_made_of_a_frame_is_written_beside_its_payload(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    TALK.save(path, decode=decode)
    read = load(path)
    with_decoded = path.read_text("utf-8")
    TALK.save(path)

    made = '"data":"AP8=","decoded":{"first": 0, "rest": "0xff"}}'
    assert made in with_decoded
    assert with_decoded.count('"decoded":') == 1
    # Nothing else differs, and the frames are what they were.
    rest = made.partition(',"decoded"')[0] + "}"
    assert with_decoded.replace(made, rest) == path.read_text("utf-8")
    assert read == load(path)
    assert read.frames == TALK.frames


def test_what_was_made_of_a_large_frame_is_written_beside_its_payload(tmp_path: Path) -> None:
    data = bytes(3 * 10**6)
    path = tmp_path / "talk.jsonl"

    Recording(frames=[Frame(data, NOW)]).save(path, decode=lambda frame: [frame.size, "\u2028\n"])

    line = json.loads(path.read_text("utf-8").split("\n")[1])
    assert line["decoded"] == [3_000_000, "\u2028\n"]
    assert load(path).frames[0].data == data


@settings(max_examples=25)
@given(st.lists(frames), st.text() | st.recursive(st.none() | st.floats() | st.text(), st.lists))
def test_a_recording_is_complete_whatever_is_made_of_its_frames(
    kept: list[Frame], value: object
) -> None:
    contents = Recording(frames=kept)

    text = "".join(jsonl.write_jsonl(contents, lambda _: value))

    assert jsonl.read_jsonl(text, None).frames == tuple(kept)
