"""What went over a WebSocket, as a value that can be saved to a file, loaded and replayed.

The name of a file says what is in it.

`.jsonl` keeps everything. It is UTF-8 text with one JSON object on each line. The first one is the
header:

    format        "ipywsecho recording"
    version       1
    uri           the address of the server, its secrets masked, or null
    subprotocol   the one that was negotiated, or null
    close_code    of the close frame (RFC 6455, section 7.4), 1005 if it had none, 1006 if there was
                  no close frame, or null if the connection had not ended
    close_reason  what the close frame said, or null
    forgotten     how many frames there had been that were no longer kept
    frames        how many frames follow
    notices       how many notices follow

Each other line is a frame or a notice, in the order in which they came:

    type          "send" or "receive" for a frame; "notice", or "error" if it is something to mend
    time          seconds since the epoch, with all digits
    opcode        1 for text, 2 for binary (RFC 6455, section 5.2), -1 for what is not a frame
    data          the text; base64 (RFC 4648, section 4) of a binary frame

`.har` is an HTTP Archive 1.2, which browsers' network panels save and read. A connection is an
entry of `log.entries`, and its `_webSocketMessages` are objects of the same four members: that is
Chrome's addition to the format, and other tools follow it. Of what is above it keeps the frames,
the errors, the address and the subprotocol. Firefox leaves the messages out when it saves. Pings,
pongs and close frames, which some tools write, are passed over.

Members that are not named here mean nothing, and may be there.
"""

import errno
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge
from importlib import metadata
from operator import attrgetter
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from ipywsecho.errors import RecordingError, SaveError
from ipywsecho.frames import Frame, Frames, Notice
from ipywsecho.masking import mask, secrets_of

__all__ = ["Recording", "load"]

_FORMAT = "ipywsecho recording"
_VERSION = 1

_MESSAGES = "_webSocketMessages"
_TEXT, _BINARY, _NO_FRAME = 1, 2, -1
_CONTROL = (8, 9, 10)

# The year 3000. No system shows a local time for every number, and some none that is later.
_END_OF_TIME = 32_503_680_000

# Characters or bytes; a multiple of 3, or base64 would be padded within.
_PIECE = 3 * 2**18

_CONNECTIONS_LISTED = 10

_in_time = attrgetter("time")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, repr=False)
class Recording:
    """What went over a WebSocket, seen from the client: an immutable value.

    Attributes:
        frames: The frames of both directions, in the order in which they came.
        notices: What happened to the connection meanwhile.
        uri: The address of the server, or `None` if it is not known. Its secrets are masked.
        subprotocol: The subprotocol that was negotiated, or `None`.
        close_code: Of the close frame, 1006 if there was none, or `None` if the connection had not
            ended or nobody knows.
        close_reason: What the close frame said, or `None`.
        forgotten: How many frames there had been that were no longer kept.
    """

    frames: Sequence[Frame] = ()
    notices: Sequence[Notice] = ()
    uri: str | None = None
    subprotocol: str | None = None
    close_code: int | None = None
    close_reason: str | None = None
    forgotten: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(self.frames))
        object.__setattr__(self, "notices", tuple(self.notices))
        if self.uri is not None:
            object.__setattr__(self, "uri", mask(self.uri, secrets_of(self.uri)))

    def __repr__(self) -> str:
        return f"<Recording: {len(self.frames):,} frames of {self.uri}>"

    @classmethod
    def merged(
        cls,
        received: Frames,
        sent: Frames,
        notices: Iterable[Notice] = (),
        *,
        secrets: Iterable[str] = (),
        uri: str | None = None,
        subprotocol: str | None = None,
        close_code: int | None = None,
        close_reason: str | None = None,
    ) -> Self:
        """Return a recording of the two directions of a connection.

        Args:
            received: Frames received.
            sent: Frames sent. One comes before those received at the same moment, which may be
                answers to it.
            notices: What happened to the connection.
            secrets: What is masked in all but the frames.
            uri: The address of the server.
            subprotocol: The subprotocol that was negotiated.
            close_code: How the connection ended, if it did.
            close_reason: What the close frame said.
        """
        return cls(
            frames=tuple(merge(sent, received, key=_in_time)),
            notices=tuple(each._replace(text=mask(each.text, secrets)) for each in notices),
            uri=None if uri is None else mask(uri, secrets),
            subprotocol=subprotocol,
            close_code=close_code,
            close_reason=None if close_reason is None else mask(close_reason, secrets),
            forgotten=sum(frames.total - len(frames) for frames in (received, sent)),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file that `load` reads: `.jsonl` keeps everything, `.har` is for other tools.

        Raises:
            RecordingError: If the name of the file ends otherwise, or something in the recording
                fits into no file.
            SaveError: If the file cannot be written; one that was there before stays as it was.
        """
        _write(Path(path), _format_of(path).write(self))


def load(path: str | PathLike[str], *, entry: int | None = None) -> Recording:
    """Read a recording from a `.jsonl` file, or from a `.har` file of a browser's network panel.

    Args:
        path: The file. All of it is read, or nothing.
        entry: Which connection of a `.har` file, counted from 0; needed if there are several.

    Raises:
        RecordingError: If the file cannot be read or holds no such recording; says what is wrong,
            and where.
    """
    read = _format_of(path).read
    try:
        return read(_read(Path(path)), entry)
    except _FormatError as error:
        raise RecordingError(f"{path}, {error.place}: {error}") from error.__cause__


class _FormatError(Exception):
    """What is wrong in a file, and where."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place = place


# Frames and notices, as both formats write them.


def _written(entry: Frame | Notice) -> Iterator[str]:
    """Yield an entry as JSON, a long one in pieces, so that no other thread waits for all of it."""
    message = _message(entry)
    data = message["data"]
    if len(data) <= _PIECE:
        message["data"] = _plain(data)
        yield _encode(message)
        return
    yield _encode({**message, "data": ""}).removesuffix('"}')
    for start in range(0, len(data), _PIECE):
        yield _encode(_plain(data[start : start + _PIECE]))[1:-1]
    yield '"}'


def _plain(data: str | bytes) -> str:
    return data if isinstance(data, str) else b64encode(data).decode()


def _message(entry: Frame | Notice) -> dict[str, Any]:
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


def _entry(message: Any) -> Frame | Notice:
    """Return what a message says, or raise a `ValueError` that tells what is wrong with it."""
    if not isinstance(message, dict):
        raise ValueError(f"{_shown(message)} is no frame; each is a JSON object")
    kind, opcode, data = message.get("type"), message.get("opcode"), message.get("data")
    time, text = _time(message.get("time")), _text("data", data)
    if kind in ("notice", "error"):
        return Notice(time, text, kind == "error")
    if kind not in ("send", "receive"):
        raise ValueError(f"type is {_shown(kind)}; a frame has “send” or “receive”")
    if opcode == _TEXT:
        return Frame(text, time, kind == "send")
    if opcode == _BINARY:
        return Frame(_bytes(text), time, kind == "send")
    raise ValueError(f"opcode is {_shown(opcode)}; a frame has 1 for text, 2 for binary")


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:
        raise ValueError(f"time is {_shown(value)}; it must be in seconds since the epoch")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_shown(value)}; it must be a text")
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


def _shown(value: Any) -> str:
    shown = "missing" if value is None else repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"


# The lossless format.


def _write_jsonl(recording: Recording) -> Iterator[str]:
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "uri": recording.uri,
        "subprotocol": recording.subprotocol,
        "close_code": recording.close_code,
        "close_reason": recording.close_reason,
        "forgotten": recording.forgotten,
        "frames": len(recording.frames),
        "notices": len(recording.notices),
    }
    yield _encode(header) + "\n"
    entries: Iterator[Frame | Notice] = merge(recording.frames, recording.notices, key=_in_time)
    for entry in entries:
        yield from _written(entry)
        yield "\n"


def _read_jsonl(text: str, _: int | None) -> Recording:
    first, *others = text.removesuffix("\n").split("\n")
    entries: list[Frame | Notice] = []
    place = "line 1"
    try:
        recording, expected = _header(_parsed(first))
        for number, line in enumerate(others, 2):
            place = f"line {number}"
            entries.append(_entry(_parsed(line)))
    except ValueError as exc:
        raise _FormatError(place, _problem(exc)) from exc
    recording = _filled(recording, entries)
    found = len(recording.frames), len(recording.notices)
    if found != expected:
        raise _FormatError(
            place,
            "the file ends after {:,} frames and {:,} notices, but line 1 announces {:,} and {:,}; "
            "look for a whole copy of it".format(*found, *expected),
        )
    return recording


def _header(header: Any) -> tuple[Recording, tuple[int, int]]:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError(
            "this is not the first line of a recording; a file that a browser saved is named .har"
        )
    if header.get("version") != _VERSION:
        raise ValueError(
            f"the recording is of version {_shown(header.get('version'))}, and {_VERSION} is all "
            "that is known here; a newer ipywsecho may load it"
        )

    def text(name: str) -> str | None:
        return None if header.get(name) is None else _text(name, header[name])

    def number(name: str, least: int, most: int) -> int:
        value = header.get(name)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"{name} is {_shown(value)}; it must be from {least} to {most}")
        return value

    recording = Recording(
        uri=text("uri"),
        subprotocol=text("subprotocol"),
        close_code=None if header.get("close_code") is None else number("close_code", 1000, 4999),
        close_reason=text("close_reason"),
        forgotten=number("forgotten", 0, 2**63),
    )
    return recording, (number("frames", 0, 2**63), number("notices", 0, 2**63))


def _filled(recording: Recording, entries: Sequence[Frame | Notice]) -> Recording:
    return replace(
        recording,
        frames=[each for each in entries if isinstance(each, Frame)],
        notices=[each for each in entries if isinstance(each, Notice)],
    )


# The format of browsers.


def _write_har(recording: Recording) -> Iterator[str]:
    # The empty list of messages is the last thing in it, and is filled one by one.
    head, _, tail = _encode({"log": _log(recording)}).rpartition("[]")
    yield head
    separator = "[\n"
    errors = [notice for notice in recording.notices if notice.is_error]
    entries: Iterator[Frame | Notice] = merge(recording.frames, errors, key=_in_time)
    for entry in entries:
        yield separator
        yield from _written(entry)
        separator = ",\n"
    yield ("[]" if separator == "[\n" else "\n]") + tail + "\n"


def _log(recording: Recording) -> dict[str, Any]:
    times = [entry.time for entry in (*recording.frames[:1], *recording.frames[-1:])] or [0.0]
    milliseconds = max(0.0, times[-1] - times[0]) * 1000
    uri, subprotocol = recording.uri or "", recording.subprotocol
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    chosen = {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}
    entry = {
        "startedDateTime": datetime.fromtimestamp(times[0], UTC).isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": {
            "method": "GET",
            "url": uri,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs({**upgrade, "Sec-WebSocket-Version": "13", **chosen}.items()),
            "queryString": _pairs(_query(uri)),
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": 101,
            "statusText": "Switching Protocols",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs({**upgrade, **chosen}.items()),
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": milliseconds},
        "_resourceType": "websocket",
        _MESSAGES: [],
    }
    creator = {"name": "ipywsecho", "version": _own_version()}
    return {"version": "1.2", "creator": creator, "pages": [], "entries": [entry]}


def _pairs(items: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in items]


def _query(uri: str) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    return []


def _own_version() -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("ipywsecho")
    return "unknown"


def _read_har(text: str, entry: int | None) -> Recording:
    try:
        har = _parsed(text)
    except ValueError as exc:
        raise _FormatError(f"line {getattr(exc, 'lineno', 1)}", _problem(exc)) from exc
    entries = _member(_member(har, "log"), "entries")
    if not isinstance(entries, list):
        raise _FormatError("line 1", "this is JSON, but no HAR file, which has a list log.entries")
    place, chosen = _chosen(entries, entry)
    found: list[Frame | Notice] = []
    try:
        recording = Recording(
            uri=_text("url", _member(_member(chosen, "request"), "url")) or None,
            subprotocol=_subprotocol(_member(_member(chosen, "response"), "headers")),
        )
        messages = chosen[_MESSAGES]
        if not isinstance(messages, list):
            raise ValueError(f"{_MESSAGES} is {_shown(messages)}; it must be a list")
        list_place = f"{place}.{_MESSAGES}"
        for number, message in enumerate(messages):
            place = f"{list_place}[{number}]"
            if _member(message, "opcode") not in _CONTROL:
                found.append(_entry(message))
    except ValueError as exc:
        raise _FormatError(place, _problem(exc)) from exc
    return _filled(recording, found)


def _chosen(entries: list[Any], wanted: int | None) -> tuple[str, dict[str, Any]]:
    """Return the entry of a connection, and its place."""
    connections = [
        (f"log.entries[{number}]", each)
        for number, each in enumerate(entries)
        if isinstance(each, dict) and _MESSAGES in each
    ]
    if not connections:
        if any(_member(_member(each, "response"), "status") == 101 for each in entries):
            raise _FormatError(
                "log.entries",
                "a WebSocket is there, but none of its messages, which Firefox leaves out; save "
                "it in Chrome or Edge",
            )
        raise _FormatError(
            "log.entries",
            "no WebSocket is there; open the network panel before the page connects, and save "
            "again",
        )
    if wanted is None and len(connections) == 1:
        return connections[0]
    if wanted is None or not 0 <= wanted < len(connections):
        listed = "; ".join(
            f"entry={number} is {_described(each)}"
            for number, (_, each) in enumerate(connections[:_CONNECTIONS_LISTED])
        )
        more = "; …" if len(connections) > _CONNECTIONS_LISTED else ""
        count = f"{len(connections):,} WebSocket{'s are' if len(connections) > 1 else ' is'} there"
        raise _FormatError("log.entries", f"{count}; choose one: {listed}{more}")
    return connections[wanted]


def _described(entry: dict[str, Any]) -> str:
    uri = str(_member(_member(entry, "request"), "url"))
    messages = entry[_MESSAGES]
    count = len(messages) if isinstance(messages, list) else 0
    return f"{_shown(mask(uri, secrets_of(uri)))} with {count:,} messages"


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _subprotocol(headers: Any) -> str | None:
    for header in headers if isinstance(headers, list) else ():
        if str(_member(header, "name")).lower() == "sec-websocket-protocol":
            return _text("Sec-WebSocket-Protocol", header.get("value"))
    return None


# Files.


class _Format(NamedTuple):
    write: Callable[[Recording], Iterator[str]]
    read: Callable[[str, int | None], Recording]


_FORMATS = {".jsonl": _Format(_write_jsonl, _read_jsonl), ".har": _Format(_write_har, _read_har)}


def _format_of(path: str | PathLike[str]) -> _Format:
    try:
        return _FORMATS[Path(path).suffix.lower()]
    except KeyError:
        raise RecordingError(
            f"{path} has a name that does not tell what is in it; it must end in .jsonl or .har"
        ) from None


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as exc:
        raise RecordingError(f"{path} cannot be read ({_reason(exc)}); check the path") from exc
    if not data.strip():
        raise _FormatError("line 1", "the file is empty; look for another copy of it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise _FormatError(
            f"line {line}", f"this is not UTF-8 text ({exc.reason}); if it is compressed, unpack it"
        ) from exc


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply for a recording") from None


def _problem(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"this is not JSON ({error.msg}, column {error.colno}); it is cut, or no recording"
    return str(error)


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write a whole file, or leave what is there."""
    # A link goes on pointing to where it did.
    path = Path(os.path.realpath(path))
    unfinished = path.with_name(f".{uuid4().hex}.tmp")
    try:
        try:
            with unfinished.open("x", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except UnicodeEncodeError as exc:
        raise RecordingError(
            f"{path} was not saved: a text holds half a surrogate pair, which no text frame can"
        ) from exc
    except OSError as exc:
        raise SaveError(f"{path} was not saved ({_reason(exc)}); {_remedy(exc)}") from exc


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "make the folder first, or choose another"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or save it elsewhere"
    return "save it elsewhere"
