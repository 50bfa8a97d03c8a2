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

A file that is written as frames come has only the first four: how many lines follow is not known.
If it was continued, it has another header in the middle; and if its writer was killed, its last
line, or the line before that header, may be incomplete.

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
from json import JSONDecodeError
from typing import Any

from ipywsecho.frames import Clock, Decode, Notice, order_of
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

__all__ = ["Lines", "header_of_feed", "read_jsonl", "torn_notice", "write_jsonl"]

_FORMAT = "ipywsecho recording"
_VERSION = 1
_COUNTS = {"close_code", "close_reason", "forgotten", "frames", "notices", "controls"}


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


def header_of_feed(uri: str | None, subprotocol: str | None) -> str:
    """Return the header of a file that is written as frames come."""
    header = {"format": _FORMAT, "version": _VERSION, "uri": uri, "subprotocol": subprotocol}
    return encode(header)


class Lines:
    """Reads the lines of a file one by one.

    Attributes:
        contents: What the first header says; it has no entries.
        expected: How many frames, notices and control frames are announced, or `None`.
        number: How many lines were read.
        torn: The numbers of incomplete lines; only a file that is written as frames come may have
            some.
    """

    def __init__(self) -> None:
        self.contents = Contents()
        self.expected: tuple[int, int, int] | None = None
        self.torn: list[int] = []
        self.number = 0
        self._clock = Clock()
        self._failure: FormatError | None = None

    def read(self, line: str | bytes) -> Entry | None:
        """Return the entry in a line, or `None` if it has none.

        Raises:
            FormatError: If this line is not valid, or the line before it was not.
        """
        self.number += 1
        try:
            message = parse_json(line if isinstance(line, str) else str(line, "utf-8-sig"))
            if self.number == 1:
                self.contents, self.expected = _header(message)
                return None
            if self.expected is None and isinstance(message, dict) and "format" in message:
                _header(message)
                # An incomplete line is allowed where the writer of a file was killed.
                self.end()
                return None
            self._raise_failure()
            return entry_of(message, self._clock)
        except ValueError as exc:
            self._raise_failure()
            self._fail(exc, is_blank=not line.strip())
            return None

    def _fail(self, error: ValueError, *, is_blank: bool) -> None:
        failure = FormatError(f"line {self.number}", problem_in(error))
        is_cut = isinstance(error, JSONDecodeError | UnicodeDecodeError)
        if self.number == 1 or self.expected is not None or not is_cut:
            raise failure from error
        if not is_blank:
            failure.__cause__ = error
            self._failure = failure

    def end(self) -> None:
        """Note that no line follows, or a header."""
        if self._failure is not None:
            self.torn.append(int(self._failure.place.split()[1]))
            self._failure = None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def torn_notice(place: str, at: float) -> Notice:
    """Return the notice that a line is incomplete."""
    text = f"{place} is incomplete, as its writer was killed; it is left out"
    return Notice(at, text, is_error=True)


def read_jsonl(text: str, _: int | None) -> Contents:
    """Return the recording in a file.

    Args:
        text: The text of the file.

    Raises:
        FormatError: If the file is not valid.
    """
    lines = Lines()
    entries = [entry for line in lines_of(text) if (entry := lines.read(line)) is not None]
    lines.end()
    last = entries[-1].time if entries else 0.0
    entries += [torn_notice(f"line {number}", last) for number in lines.torn]
    contents = with_entries(lines.contents, entries)
    found = len(contents.frames), len(contents.notices), len(contents.controls)
    if lines.expected is not None and found != lines.expected:
        raise FormatError(
            f"line {lines.number}",
            f"the file ends after {_counts(found)}, but line 1 announces "
            f"{_counts(lines.expected)}; look for a complete copy",
        )
    return contents


def _counts(counts: tuple[int, int, int]) -> str:
    names = ("frames", "notices", "control frames")
    *most, last = (f"{count:,} {name}" for count, name in zip(counts, names, strict=True))
    return f"{', '.join(most)} and {last}"


def _header(header: Any) -> tuple[Contents, tuple[int, int, int] | None]:
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

    if not _COUNTS & header.keys():
        return Contents(uri=text("uri"), subprotocol=text("subprotocol")), None
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
