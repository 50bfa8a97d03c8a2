"""Payloads: what a frame contains, and how to show it as text, JSON, a picture or bytes."""

from collections.abc import Sequence
from enum import StrEnum
from html import escape
from itertools import takewhile
from typing import NamedTuple
from unicodedata import category

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import AS_IT_IS, Decoded, Frame
from ipywsecho.view.indenting import highlighted, indented_lines, is_json, whole_tokens
from ipywsecho.view.pictures import (
    Picture,
    SourceOf,
    is_picture,
    is_svg,
    picture_of,
    svg_of,
    why_not_shown,
)

__all__ = [
    "Body",
    "Kind",
    "View",
    "ascii_of",
    "body_of",
    "hex_line",
    "kind_of",
    "size_in_words",
]

CHARACTERS = 1_000
"""Number of characters of a text that are shown."""

PRETTY_CHARACTERS = 3_000
"""Number of characters of JSON that are shown, including the indentation."""

BYTES = 256
"""Number of bytes that are shown."""

LINES = 8
"""JSON and bytes with more lines are folded."""

ONE_LINE = 72
"""JSON of at most this many characters stays on one line."""

SUMMARY_CHARACTERS = 120
"""Number of characters of JSON that are shown while it is folded; the page cuts what is wider."""

_AS_TEXT = "bytes as {}, {}"
_DECODED = "{} decoded from {}"
_MOST_MARKS = 16


class Kind(StrEnum):
    """What a frame contains."""

    TEXT = "text"
    JSON = "JSON"
    PICTURE = "picture"
    BYTES = "bytes"
    CONTROL = "control frame"
    """A ping, a pong, or how a message was fragmented; never what a frame contains."""


class View(StrEnum):
    """How to show payloads."""

    AUTOMATIC = "automatic"
    """Depending on the content."""
    TEXT = "text"
    """As text; bytes are decoded as UTF-8, and invalid bytes become replacement characters."""
    JSON = "JSON"
    """As JSON, or as text if the payload is not valid JSON."""
    HEX = "hex"
    """As bytes; text is encoded as UTF-8, as in the frame."""


class Body(NamedTuple):
    """A payload as a row of the log shows it.

    Attributes:
        html: HTML for the line of the row.
        plain: Plain text for the row; shorter than the HTML if that is folded.
        note: What the payload is, its size, and which part of it is shown.
        block: HTML for the lines below, or "" if there are none.
    """

    html: str
    plain: str
    note: str
    block: str = ""


class _Source(NamedTuple):
    """Where a text comes from.

    Attributes:
        size: The bytes of the payload.
        words: Says what a text of some kind and size is, unless it is the payload itself.
    """

    size: int
    words: str = ""

    def note(self, kind: str, text: str, part: str | None = None) -> str:
        """Return what the text is, its size, and which part of it is shown, `None` for all."""
        if not self.words:
            shown = None if part is None else len(part.encode("utf-8", "surrogatepass"))
            return f"{kind}, {_size(self.size, shown)}"
        note = self.words.format(kind, size_in_words(self.size))
        # How many of the bytes that is, is not known.
        return note if part is None else f"{note}, {len(part):,} of {len(text):,} characters"


def kind_of(data: str | bytes, decoded: Decoded = AS_IT_IS) -> Kind:
    """Return what a payload contains. A JSON number, string or literal alone counts as text.

    Args:
        data: The payload.
        decoded: What was made of it, which counts instead.
    """
    if decoded.is_json:
        return Kind.JSON
    if decoded.text is not None:
        data = decoded.text
    if isinstance(data, bytes):
        return Kind.PICTURE if is_picture(data) and picture_of(data) else Kind.BYTES
    if is_json(data):
        return Kind.JSON
    return Kind.PICTURE if "<svg" in data[:2_000] and is_svg(data) else Kind.TEXT


def body_of(frame: Frame, view: View, source_of: SourceOf, decoded: Decoded = AS_IT_IS) -> Body:
    """Return a payload as a row of the log shows it.

    Args:
        frame: The frame.
        view: How to show the payload.
        source_of: Returns a picture as a URI.
        decoded: What was made of the payload, which is shown instead in all views but hex.
    """
    if decoded.text is not None and view is not View.HEX:
        source = _Source(frame.size, _DECODED)
        is_value = decoded.is_json or is_json(decoded.text)
        if is_value and view is not View.TEXT:
            return _json(decoded.text, source)
        return _text(decoded.text, source, Kind.TEXT)
    body = _payload(frame, view, source_of)
    if not decoded.error:
        return body
    error = visible(decoded.error)
    line = f'<bdi class="error">{escape(error, quote=False)}</bdi>'
    block = f"<div>{body.html}</div>{body.block}" if body.html else body.block
    return Body(line, f"{error}\n{body.plain}", body.note, block)


def _payload(frame: Frame, view: View, source_of: SourceOf) -> Body:
    data, size = frame.data, frame.size
    if not data:
        return Body("", "", f"{'text' if isinstance(data, str) else 'bytes'}, empty")
    if view is View.HEX:
        if isinstance(data, str):
            return _hex(data.encode("utf-8", "surrogatepass"), size, is_text=True)
        return _hex(data, size)
    source = _Source(size)
    if isinstance(data, bytes):
        if view is View.AUTOMATIC:
            picture = picture_of(data)
            return _hex(data, size) if picture is None else _picture(data, picture, source_of)
        data, source = data.decode("utf-8", "replace"), _Source(size, _AS_TEXT)
    if view is not View.TEXT and is_json(data):
        return _json(data, source)
    if view is View.AUTOMATIC and is_svg(data):
        return _text(data, source, str(svg_of(data)))
    return _text(data, source, Kind.TEXT)


def size_in_words(size: int) -> str:
    """Return a number of bytes in a readable form, such as "6 B" or "1.2 kB"."""
    if size < 1_000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB"):
        amount /= 1_000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1_000:.1f} GB"


def _size(size: int, shown: int | None) -> str:
    """Return the size of a payload, and how many bytes of it are shown; `None` stands for all."""
    if shown is None:
        return size_in_words(size)
    words = size_in_words(shown), size_in_words(size)
    first, whole = words if len(set(words)) == 2 else (f"{shown:,} B", f"{size:,} B")
    return f"first {first} of {whole}"


def _text(data: str, source: _Source, what: str) -> Body:
    part = data if len(data) <= CHARACTERS else data[: _end_of_character(data, CHARACTERS)]
    is_cut = len(part) < len(data)
    shown = visible(part) + ("…" if is_cut else "")
    note = source.note(what, data, part if is_cut else None)
    return Body(f"<bdi>{escape(shown, quote=False)}</bdi>", shown, note)


def _end_of_character(text: str, limit: int) -> int:
    """Return where to cut a text, so that no accent is separated from its letter."""
    # A letter with more marks than this is no letter of any language.
    nearest = range(limit, limit - _MOST_MARKS, -1)
    marks = sum(1 for _ in takewhile(lambda index: category(text[index])[0] == "M", nearest))
    return limit if marks == _MOST_MARKS else limit - marks


def _picture(data: bytes, picture: Picture, source_of: SourceOf) -> Body:
    what = str(picture)
    source = source_of(data, picture)
    image = f'<img alt="{what}" src="{source}">' if source else ""
    words = what + (f" ({why_not_shown(picture)})" if source == "" else "")
    return Body(words, words, f"{Kind.PICTURE}, {size_in_words(len(data))}", image)


def _block(lines: Sequence[str], summary: str) -> str:
    block = "<div>" + "\n".join(lines) + "</div>"
    if len(lines) <= LINES:
        return block
    return f"<details><summary>{summary}</summary>{block}</details>"


# --- bytes ---


def _hex(data: bytes, size: int, *, is_text: bool = False) -> Body:
    is_cut = len(data) > BYTES
    note = f"{'text as bytes' if is_text else Kind.BYTES}, {_size(size, BYTES if is_cut else None)}"
    if len(data) <= 16:
        line = f"{data.hex(' ')}   {ascii_of(data)}"
        return Body(f"<bdi>{html_of(line)}</bdi>", line, note)
    plain = data[:48].hex(" ") + ("…" if len(data) > 48 else "")
    lines = [hex_line(data, start) for start in range(0, min(len(data), BYTES), 16)]
    if is_cut:
        lines.append("…")
    return Body("", plain, note, _block([html_of(line) for line in lines], html_of(lines[0])))


def hex_line(data: bytes, start: int) -> str:
    """Return a line of a hex dump."""
    line = data[start : start + 16]
    codes = f"{line[:8].hex(' ')}  {line[8:].hex(' ')}"
    return f"{start:08x}  {codes:<48}  {ascii_of(line)}"


def ascii_of(data: bytes) -> str:
    """Return bytes as ASCII, with a dot for each that is not printable."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)


# --- JSON ---


def _json(text: str, source: _Source) -> Body:
    beginning = whole_tokens(text, CHARACTERS)
    plain = visible(beginning) + ("…" if len(beginning) < len(text.rstrip()) else "")
    if len(text) <= ONE_LINE and text.isprintable():
        return Body(highlighted(text), plain, source.note(Kind.JSON, text))
    shown = whole_tokens(text, PRETTY_CHARACTERS, is_indented=True)
    lines = indented_lines(shown)
    part = None
    if len(shown) < len(text.rstrip()):
        *others, last = lines
        # After a comma or a colon, where a value would be.
        end = (f"{last}…",) if last.endswith(" ") else (last, "…")
        lines, part = (*others, *end), shown
    summary = whole_tokens(text, SUMMARY_CHARACTERS)
    rest = "…" if len(summary) < len(text.rstrip()) else ""
    block = _block(lines, html_of(" ".join(summary.split())) + rest)
    return Body("", plain, source.note(Kind.JSON, text, part), block)
