"""Frames, notices and control frames as JSON objects, which both file formats share."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from ipywsecho.errors import RecordingError
from ipywsecho.frames import AS_IT_IS, Clock, Control, Decode, Frame, Notice, decoded_of
from ipywsecho.recording.contents import Entry

__all__ = [
    "FormatError",
    "encode",
    "entry_of",
    "json_pieces",
    "problem_in",
    "quoted",
    "text_of",
]

_TEXT, _BINARY, _NO_FRAME = 1, 2, -1
_FRAGMENTS = 0
_CONTROLS = (8, 9, 10)

# The year 3000: some systems cannot convert later times to local time.
_END_OF_TIME = 32_503_680_000

# Characters or bytes; a multiple of 3, so that only the last piece of base64 has padding.
_PIECE = 3 * 2**18

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Returns a value as JSON on one line."""


class FormatError(Exception):
    """A file is not valid.

    Attributes:
        place: Where in the file, such as "line 3".
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place = place


def json_pieces(entry: Entry, decode: Decode | None = None) -> Iterator[str]:
    """Yield an entry as JSON; a long one in pieces, because encoding blocks all other threads.

    Args:
        entry: The entry.
        decode: Makes what is written beside the payload of a frame.

    Raises:
        RecordingError: If the time of the entry is invalid.
    """
    message = _message(entry)
    data = message["data"]
    decoded = decoded_of(decode, entry) if decode and isinstance(entry, Frame) else AS_IT_IS
    end = "}" if decoded.text is None else f',"decoded":{decoded.json}}}'
    if len(data) <= _PIECE:
        message["data"] = _as_text(data)
        yield encode(message).removesuffix("}") + end
        return
    yield encode({**message, "data": ""}).removesuffix('"}')
    for start in range(0, len(data), _PIECE):
        yield encode(_as_text(data[start : start + _PIECE]))[1:-1]
    yield f'"{end}'


def _as_text(data: str | bytes) -> str:
    return data if isinstance(data, str) else b64encode(data).decode()


def _message(entry: Entry) -> dict[str, Any]:
    if not 0 <= entry.time < _END_OF_TIME:
        raise RecordingError(
            f"{entry!r} cannot be saved; its time must be in seconds since the epoch, before the "
            "year 3000"
        )
    if isinstance(entry, Notice):
        kind = "error" if entry.is_error else "notice"
        message = {"type": kind, "time": entry.time, "opcode": _NO_FRAME}
        again = {} if entry.occurrences == 1 else {"count": entry.occurrences, "last": entry.last}
        return {**message, **again, "data": entry.text}
    kind = "send" if entry.sent else "receive"
    if isinstance(entry, Control):
        fragments = {"fragments": entry.fragments} if entry.opcode == _FRAGMENTS else {}
        data = b64encode(entry.data).decode()
        message = {"type": kind, "time": entry.time, "opcode": entry.opcode}
        return {**message, **fragments, "data": data}
    opcode = _TEXT if isinstance(entry.data, str) else _BINARY
    return {"type": kind, "time": entry.time, "opcode": opcode, "data": entry.data}


def entry_of(message: Any, clock: Clock) -> Entry:
    """Return the frame, notice or control frame that a message stands for.

    Args:
        message: The message.
        clock: The clock of the file, which gives its entries their order.

    Raises:
        ValueError: If the message is not valid; the text of the error says why.
    """
    if not isinstance(message, dict):
        raise ValueError(f"{quoted(message)} is not a frame; it must be a JSON object")
    kind, opcode, data = message.get("type"), message.get("opcode"), message.get("data")
    time, text = _time(message.get("time"), clock), text_of("data", data)
    if kind in ("notice", "error"):
        return _notice(message, Notice(time, text, kind == "error"), clock)
    if kind not in ("send", "receive"):
        raise ValueError(f"type is {quoted(kind)}; it must be “send” or “receive”")
    if opcode == _TEXT:
        return Frame(text, time, kind == "send")
    if opcode == _BINARY:
        return Frame(_bytes(text), time, kind == "send")
    if opcode in _CONTROLS:
        return Control(time, opcode, _bytes(text), kind == "send")
    if opcode == _FRAGMENTS and type(opcode) is int:
        return Control(time, opcode, b"", kind == "send", _fragments(message.get("fragments")))
    raise ValueError(f"opcode is {quoted(opcode)}; it must be 1 for text or 2 for binary")


def _notice(message: dict[str, Any], notice: Notice, clock: Clock) -> Notice:
    """Return a notice with how often it was repeated, and until when."""
    count, last = message.get("count", 1), message.get("last")
    if type(count) is not int or count < 1:
        raise ValueError(f"count is {quoted(count)}; it must be 1 or more")
    return notice._replace(
        occurrences=count, last=None if last is None else float(_time(last, clock))
    )


def _fragments(value: Any) -> int:
    if type(value) is not int or value < 2:
        raise ValueError(f"fragments is {quoted(value)}; it must be 2 or more")
    return value


def _time(value: Any, clock: Clock) -> float:
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:
        raise ValueError(
            f"time is {quoted(value)}; it must be in seconds since the epoch, before the year 3000"
        )
    # In the order of the file, whatever the times are.
    return clock.at(float(value))


def text_of(name: str, value: Any) -> str:
    """Return a value if it is a valid string.

    Raises:
        ValueError: If it is not; the text of the error contains the name.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} is {quoted(value)}; it must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} contains a lone surrogate, which UTF-8 cannot encode") from None
    return value


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as exc:
        raise ValueError(f"data of a binary frame is not valid base64 ({exc})") from exc


def quoted(value: Any) -> str:
    """Return a value as an error message quotes it."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def problem_in(error: ValueError) -> str:
    """Return a message for an error of `parse_json`, `entry_of` or `text_of`."""
    if isinstance(error, json.JSONDecodeError):
        return (
            f"this is not valid JSON ({error.msg}, column {error.colno}); check whether the file "
            "is a complete recording"
        )
    return str(error)
