"""A frame or a notice as the JSON object that each format of a recording holds."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from ipywsecho.errors import RecordingError
from ipywsecho.frames import Frame, Notice
from ipywsecho.recording.contents import Entry

__all__ = [
    "FormatError",
    "encode",
    "entry_of",
    "parsed",
    "problem_in",
    "shown",
    "text_of",
    "written",
]

_TEXT, _BINARY, _NO_FRAME = 1, 2, -1

# The year 3000. No system shows a local time for every number, and some none that is later.
_END_OF_TIME = 32_503_680_000

# Characters or bytes; a multiple of 3, or base64 would be padded within.
_PIECE = 3 * 2**18

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Returns a value as JSON on one line."""


class FormatError(Exception):
    """What is wrong in a file, and where."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place = place


def written(entry: Entry) -> Iterator[str]:
    """Yield an entry as JSON, a long one in pieces, so that no other thread waits for all of it."""
    message = _message(entry)
    data = message["data"]
    if len(data) <= _PIECE:
        message["data"] = _plain(data)
        yield encode(message)
        return
    yield encode({**message, "data": ""}).removesuffix('"}')
    for start in range(0, len(data), _PIECE):
        yield encode(_plain(data[start : start + _PIECE]))[1:-1]
    yield '"}'


def _plain(data: str | bytes) -> str:
    return data if isinstance(data, str) else b64encode(data).decode()


def _message(entry: Entry) -> dict[str, Any]:
    if not 0 <= entry.time < _END_OF_TIME:
        raise RecordingError(
            f"{entry!r} cannot be saved; its time must be in seconds since the epoch"
        )
    if isinstance(entry, Notice):
        kind = "error" if entry.is_error else "notice"
        return {"type": kind, "time": entry.time, "opcode": _NO_FRAME, "data": entry.text}
    kind = "send" if entry.sent else "receive"
    opcode = _TEXT if isinstance(entry.data, str) else _BINARY
    return {"type": kind, "time": entry.time, "opcode": opcode, "data": entry.data}


def entry_of(message: Any) -> Entry:
    """Return what a message says, or raise a `ValueError` that tells what is wrong with it."""
    if not isinstance(message, dict):
        raise ValueError(f"{shown(message)} is no frame; each is a JSON object")
    kind, opcode, data = message.get("type"), message.get("opcode"), message.get("data")
    time, text = _time(message.get("time")), text_of("data", data)
    if kind in ("notice", "error"):
        return Notice(time, text, kind == "error")
    if kind not in ("send", "receive"):
        raise ValueError(f"type is {shown(kind)}; a frame has “send” or “receive”")
    if opcode == _TEXT:
        return Frame(text, time, kind == "send")
    if opcode == _BINARY:
        return Frame(_bytes(text), time, kind == "send")
    raise ValueError(f"opcode is {shown(opcode)}; a frame has 1 for text, 2 for binary")


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:
        raise ValueError(f"time is {shown(value)}; it must be in seconds since the epoch")
    return float(value)


def text_of(name: str, value: Any) -> str:
    """Return a value that is a text, or raise a `ValueError` that names it."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is {shown(value)}; it must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a surrogate pair, which is no text") from None
    return value


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as exc:
        raise ValueError(f"data of a binary frame is not base64 ({exc})") from exc


def shown(value: Any) -> str:
    """Return a value as an error quotes it."""
    quoted = "missing" if value is None else repr(value)
    return quoted if len(quoted) <= 40 else f"{quoted[:40]}…"


def parsed(text: str) -> Any:
    """Return what JSON says, or raise a `ValueError`, for which `problem_in` has words."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply for a recording") from None


def problem_in(error: ValueError) -> str:
    """Return what is wrong, in words, when something was parsed or had no meaning."""
    if isinstance(error, json.JSONDecodeError):
        return f"this is not JSON ({error.msg}, column {error.colno}); it is cut, or no recording"
    return str(error)
