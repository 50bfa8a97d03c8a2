"""The format `.har`, HTTP Archive 1.2, which the network panels of browsers export and import.

A connection is an entry of `log.entries`. Its messages are in `_webSocketMessages`, an extension of
Chrome that other tools have adopted. Each message has the same members as a frame in a `.jsonl`
file. The format stores the frames, the control frames, the errors, the address and the
subprotocol of a recording. Firefox exports no messages. Control frames, which some tools
export as well, are skipped when a file is read.

Members that are not mentioned here are ignored.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from heapq import merge
from importlib import metadata
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ipywsecho.frames import Clock, Decode, order_of
from ipywsecho.masking import mask, secrets_of
from ipywsecho.recording.contents import Contents, Entry, with_entries
from ipywsecho.recording.messages import (
    FormatError,
    encode,
    entry_of,
    json_pieces,
    problem_in,
    quoted,
    text_of,
)
from ipywsecho.recording.stepwise import parse_json

__all__ = ["read_har", "write_har"]

_MESSAGES = "_webSocketMessages"
# Close, ping and pong (RFC 6455, section 11.8).
_CONTROL = (8, 9, 10)

_CONNECTIONS_LISTED = 10


def write_har(contents: Contents, decode: Decode | None = None) -> Iterator[str]:
    """Yield the text of a file in pieces, with what `decode` makes of the frames."""
    # The last empty list in the text is that of the messages; they are inserted one by one.
    head, _, tail = encode({"log": _log(contents)}).rpartition("[]")
    yield head
    separator = "[\n"
    errors = [notice for notice in contents.notices if notice.is_error]
    controls = [control for control in contents.controls if control.opcode in _CONTROL]
    entries: Iterator[Entry] = merge(contents.frames, errors, controls, key=order_of)
    for entry in entries:
        yield separator
        yield from json_pieces(entry, decode)
        separator = ",\n"
    yield ("[]" if separator == "[\n" else "\n]") + tail + "\n"


def _log(contents: Contents) -> dict[str, Any]:
    times = [entry.time for entry in (*contents.frames[:1], *contents.frames[-1:])] or [0.0]
    milliseconds = max(0.0, times[-1] - times[0]) * 1000
    uri, subprotocol = contents.uri or "", contents.subprotocol
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


def read_har(text: str, entry: int | None) -> Contents:
    """Return the recording of one connection in a file.

    Args:
        text: The text of the file.
        entry: The number of the connection, counted from 0, or `None` if there is only one.

    Raises:
        FormatError: If the file is not valid, or contains no such connection.
    """
    try:
        har = parse_json(text)
    except ValueError as exc:
        raise FormatError(f"line {getattr(exc, 'lineno', 1)}", problem_in(exc)) from exc
    entries = _member(_member(har, "log"), "entries")
    if not isinstance(entries, list):
        raise FormatError(
            "line 1", "this is JSON, but not a HAR file; it must have a list log.entries"
        )
    place, chosen = _chosen(entries, entry)
    found: list[Entry] = []
    clock = Clock()
    try:
        contents = Contents(
            uri=text_of("url", _member(_member(chosen, "request"), "url")) or None,
            subprotocol=_subprotocol(_member(_member(chosen, "response"), "headers")),
        )
        messages = chosen[_MESSAGES]
        if not isinstance(messages, list):
            raise ValueError(f"{_MESSAGES} is {quoted(messages)}; it must be a list")
        list_place = f"{place}.{_MESSAGES}"
        for number, message in enumerate(messages):
            place = f"{list_place}[{number}]"
            if _member(message, "opcode") not in _CONTROL:
                found.append(entry_of(message, clock))
    except ValueError as exc:
        raise FormatError(place, problem_in(exc)) from exc
    return with_entries(contents, found)


def _chosen(entries: list[Any], wanted: int | None) -> tuple[str, dict[str, Any]]:
    """Return the place and the entry of a connection."""
    connections = [
        (f"log.entries[{number}]", each)
        for number, each in enumerate(entries)
        if isinstance(each, dict) and _MESSAGES in each
    ]
    if not connections:
        if any(_member(_member(each, "response"), "status") == 101 for each in entries):
            raise FormatError(
                "log.entries",
                "the file contains a WebSocket, but not its messages, which Firefox does not "
                "export; use Chrome or Edge",
            )
        raise FormatError(
            "log.entries",
            "the file contains no WebSocket; open the network panel before the page connects, and "
            "export again",
        )
    if wanted is None and len(connections) == 1:
        return connections[0]
    if wanted is None or not 0 <= wanted < len(connections):
        listed = "; ".join(
            f"entry={number} is {_described(each)}"
            for number, (_, each) in enumerate(connections[:_CONNECTIONS_LISTED])
        )
        more = "; …" if len(connections) > _CONNECTIONS_LISTED else ""
        count = f"{len(connections):,} {'WebSocket' if len(connections) == 1 else 'WebSockets'}"
        raise FormatError("log.entries", f"the file contains {count}; choose one: {listed}{more}")
    return connections[wanted]


def _described(entry: dict[str, Any]) -> str:
    uri = str(_member(_member(entry, "request"), "url"))
    messages = entry[_MESSAGES]
    count = len(messages) if isinstance(messages, list) else 0
    unit = "message" if count == 1 else "messages"
    return f"{quoted(mask(uri, secrets_of(uri)))} with {count:,} {unit}"


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _subprotocol(headers: Any) -> str | None:
    for header in headers if isinstance(headers, list) else ():
        if str(_member(header, "name")).lower() == "sec-websocket-protocol":
            return text_of("Sec-WebSocket-Protocol", header.get("value"))
    return None
