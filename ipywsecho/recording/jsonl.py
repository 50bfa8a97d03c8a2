"""The format `.jsonl`, which stores a complete recording.

It is UTF-8 text with one JSON object per line. The first object is the header:

    format        "ipywsecho recording"
    version       1
    uri           the address of the server, with its secrets masked, or null
    subprotocol   the negotiated subprotocol, or null
    close_code    of the close frame (RFC 6455, section 7.4), 1005 if it had none, 1006 if there was
                  no close frame, or null if the connection had not ended
    close_reason  the reason in the close frame, or null
    forgotten     number of earlier frames that are not in the recording
    frames        number of frames that follow
    notices       number of notices that follow
    controls      number of control frames that follow; 0 if it is missing

Every other line is a frame, a notice or a control frame, in the order in which they happened:

    type          "send" or "receive" for a frame, "notice" or "error" for a notice
    time          seconds since the epoch, in full precision
    opcode        1 for text, 2 for binary, 9 for a ping, 10 for a pong (RFC 6455, section 5.2), -1
                  for a notice, 0 for the fragments of the message before
    data          the text, or the base64 encoding (RFC 4648, section 4) of any other payload
    decoded       what `decode` made of the frame, if it made anything: any JSON value; it is
                  ignored when the file is read, as the data is complete
    fragments     how many fragments, with opcode 0
    count, last   how often an error happened, and when it happened last, if more than once

Members that are not mentioned here are ignored.
"""

from collections.abc import Iterator
from heapq import merge
from typing import Any

from ipywsecho.frames import Clock, Decode, order_of
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
from ipywsecho.recording.stepwise import lines_of, parse_json

__all__ = ["read_jsonl", "write_jsonl"]

_FORMAT = "ipywsecho recording"
_VERSION = 1


def write_jsonl(contents: Contents, decode: Decode | None = None) -> Iterator[str]:
    """Yield the text of a file in pieces, with what `decode` makes of the frames."""
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
        **({"controls": len(contents.controls)} if contents.controls else {}),
    }
    yield encode(header) + "\n"
    entries: Iterator[Entry] = merge(
        contents.frames, contents.notices, contents.controls, key=order_of
    )
    for entry in entries:
        yield from json_pieces(entry, decode)
        yield "\n"


def read_jsonl(text: str, _: int | None) -> Contents:
    """Return the recording in a file.

    Args:
        text: The text of the file.

    Raises:
        FormatError: If the file is not valid.
    """
    lines, clock = lines_of(text), Clock()
    entries: list[Entry] = []
    place = "line 1"
    try:
        contents, expected = _header(parse_json(next(lines)))
        for number, line in enumerate(lines, 2):
            place = f"line {number}"
            entries.append(entry_of(parse_json(line), clock))
    except ValueError as exc:
        raise FormatError(place, problem_in(exc)) from exc
    contents = with_entries(contents, entries)
    found = len(contents.frames), len(contents.notices), len(contents.controls)
    if found != expected:
        raise FormatError(
            place,
            f"the file ends after {_counts(found)}, but line 1 announces {_counts(expected)}; look "
            "for a complete copy",
        )
    return contents


def _counts(counts: tuple[int, int, int]) -> str:
    names = ("frames", "notices", "control frames")
    *most, last = (f"{count:,} {name}" for count, name in zip(counts, names, strict=True))
    return f"{', '.join(most)} and {last}"


def _header(header: Any) -> tuple[Contents, tuple[int, int, int]]:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError(
            "this is not the header of a recording; a file from a browser must be named .har"
        )
    if header.get("version") != _VERSION:
        raise ValueError(
            f"version is {quoted(header.get('version'))}, but only version {_VERSION} is "
            "supported; upgrade ipywsecho"
        )

    def text(name: str) -> str | None:
        return None if header.get(name) is None else text_of(name, header[name])

    def number(name: str, least: int, most: int) -> int:
        value = header.get(name)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"{name} is {quoted(value)}; it must be from {least} to {most}")
        return value

    contents = Contents(
        uri=text("uri"),
        subprotocol=text("subprotocol"),
        close_code=None if header.get("close_code") is None else number("close_code", 1000, 4999),
        close_reason=text("close_reason"),
        forgotten=number("forgotten", 0, 2**63),
    )
    # Recordings from before control frames were kept announce none.
    controls = 0 if "controls" not in header else number("controls", 0, 2**63)
    return contents, (number("frames", 0, 2**63), number("notices", 0, 2**63), controls)
