"""The format `.jsonl`, which keeps everything of a recording.

It is UTF-8 text with one JSON object on each line. The first one is the header:

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

Members that are not named here mean nothing, and may be there.
"""

from collections.abc import Iterator
from heapq import merge
from operator import attrgetter
from typing import Any

from ipywsecho.recording.contents import Contents, Entry, filled
from ipywsecho.recording.messages import (
    FormatError,
    encode,
    entry_of,
    parsed,
    problem_in,
    shown,
    text_of,
    written,
)

__all__ = ["read_jsonl", "write_jsonl"]

_FORMAT = "ipywsecho recording"
_VERSION = 1


def write_jsonl(contents: Contents) -> Iterator[str]:
    """Yield the text of a file, in pieces."""
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "uri": contents.uri,
        "subprotocol": contents.subprotocol,
        "close_code": contents.close_code,
        "close_reason": contents.close_reason,
        "forgotten": contents.forgotten,
        "frames": len(contents.frames),
        "notices": len(contents.notices),
    }
    yield encode(header) + "\n"
    entries: Iterator[Entry] = merge(contents.frames, contents.notices, key=attrgetter("time"))
    for entry in entries:
        yield from written(entry)
        yield "\n"


def read_jsonl(text: str, _: int | None) -> Contents:
    """Return what the text of a file holds, or raise a `FormatError`."""
    first, *others = text.removesuffix("\n").split("\n")
    entries: list[Entry] = []
    place = "line 1"
    try:
        contents, expected = _header(parsed(first))
        for number, line in enumerate(others, 2):
            place = f"line {number}"
            entries.append(entry_of(parsed(line)))
    except ValueError as exc:
        raise FormatError(place, problem_in(exc)) from exc
    contents = filled(contents, entries)
    found = len(contents.frames), len(contents.notices)
    if found != expected:
        raise FormatError(
            place,
            "the file ends after {:,} frames and {:,} notices, but line 1 announces {:,} and {:,}; "
            "look for a whole copy of it".format(*found, *expected),
        )
    return contents


def _header(header: Any) -> tuple[Contents, tuple[int, int]]:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError(
            "this is not the first line of a recording; a file that a browser saved is named .har"
        )
    if header.get("version") != _VERSION:
        raise ValueError(
            f"the recording is of version {shown(header.get('version'))}, and {_VERSION} is all "
            "that is known here; a newer ipywsecho may load it"
        )

    def text(name: str) -> str | None:
        return None if header.get(name) is None else text_of(name, header[name])

    def number(name: str, least: int, most: int) -> int:
        value = header.get(name)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"{name} is {shown(value)}; it must be from {least} to {most}")
        return value

    contents = Contents(
        uri=text("uri"),
        subprotocol=text("subprotocol"),
        close_code=None if header.get("close_code") is None else number("close_code", 1000, 4999),
        close_reason=text("close_reason"),
        forgotten=number("forgotten", 0, 2**63),
    )
    return contents, (number("frames", 0, 2**63), number("notices", 0, 2**63))
