"""Payloads: what a frame contains, and how to show it as text, JSON, a picture or bytes.

JSON is indented anew but otherwise unchanged: numbers keep their notation, and duplicate keys are
all shown.
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple, NoReturn

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import Frame
from ipywsecho.view.pictures import Picture, SourceOf, is_picture, is_svg, picture_of, svg_of

__all__ = ["Body", "Kind", "View", "body_of", "kind_of", "size_in_words"]

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

LONGEST_JSON = 200_000
"""A text with more characters is not parsed as JSON, which would take too long."""

# By pygments' names of the kinds of tokens.
_CLASSES = {
    "Token.Name.Tag": "key",
    "Token.Literal.String.Double": "str",
    "Token.Literal.Number.Integer": "num",
    "Token.Literal.Number.Float": "num",
    "Token.Keyword.Constant": "num",
}


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
        note: What the payload is, its size, and whether it is truncated.
        block: HTML for the lines below, or "" if there are none.
    """

    html: str
    plain: str
    note: str
    block: str = ""


def kind_of(data: str | bytes) -> Kind:
    """Return what a payload contains. A JSON number, string or literal alone counts as text."""
    if isinstance(data, bytes):
        return Kind.PICTURE if is_picture(data) and picture_of(data) else Kind.BYTES
    if _is_json(data):
        return Kind.JSON
    return Kind.PICTURE if "<svg" in data[:2_000] and is_svg(data) else Kind.TEXT


def body_of(frame: Frame, view: View, source_of: SourceOf) -> Body:
    """Return a payload as a row of the log shows it.

    Args:
        frame: The frame.
        view: How to show the payload.
        source_of: Returns a picture as a URI.
    """
    data, size = frame.data, frame.size
    if not data:
        return Body("", "", f"{'text' if isinstance(data, str) else 'bytes'}, empty")
    if view is View.HEX:
        if isinstance(data, str):
            return _hex(data.encode("utf-8", "surrogatepass"), size, is_text=True)
        return _hex(data, size)
    prefix = ""
    if isinstance(data, bytes):
        if view is View.AUTOMATIC:
            picture = picture_of(data)
            return _hex(data, size) if picture is None else _picture(data, picture, source_of)
        data, prefix = data.decode("utf-8", "replace"), "bytes as "
    if view is not View.TEXT and _is_json(data):
        return _json(data, size, prefix + Kind.JSON)
    if view is View.AUTOMATIC and is_svg(data):
        return _text(data, size, str(svg_of(data)))
    return _text(data, size, prefix + Kind.TEXT)


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


def _note(what: str, size: int, is_cut: bool = False) -> str:
    return f"{what}, {size_in_words(size)}" + (" in all" if is_cut else "")


def _text(data: str, size: int, what: str) -> Body:
    is_cut = len(data) > CHARACTERS
    shown = visible(data[:CHARACTERS]) + ("…" if is_cut else "")
    return Body(f"<bdi>{escape(shown, quote=False)}</bdi>", shown, _note(what, size, is_cut))


def _picture(data: bytes, picture: Picture, source_of: SourceOf) -> Body:
    what = str(picture)
    source = source_of(data, picture)
    image = f'<img alt="{what}" src="{source}">' if source else ""
    words = what + (" (cannot be shown)" if source == "" else "")
    return Body(words, words, _note(Kind.PICTURE, len(data)), image)


def _block(lines: Sequence[str], summary: str) -> str:
    block = "<div>" + "\n".join(lines) + "</div>"
    if len(lines) <= LINES:
        return block
    return f"<details><summary>{summary}</summary>{block}</details>"


# --- bytes ---


def _hex(data: bytes, size: int, *, is_text: bool = False) -> Body:
    is_cut = len(data) > BYTES
    note = _note("text as bytes" if is_text else Kind.BYTES, size, is_cut)
    if len(data) <= 16:
        line = f"{data.hex(' ')}   {_ascii(data)}"
        return Body(f"<bdi>{html_of(line)}</bdi>", line, note)
    plain = data[:48].hex(" ") + ("…" if len(data) > 48 else "")
    lines = [_hex_line(data, start) for start in range(0, min(len(data), BYTES), 16)]
    if is_cut:
        lines.append("…")
    return Body("", plain, note, _block([html_of(line) for line in lines], html_of(lines[0])))


def _hex_line(data: bytes, start: int) -> str:
    line = data[start : start + 16]
    codes = f"{line[:8].hex(' ')}  {line[8:].hex(' ')}"
    return f"{start:08x}  {codes:<48}  {_ascii(line)}"


def _ascii(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)


# --- JSON ---


def _is_json(text: str) -> bool:
    # Most texts need not be parsed, because they begin with another character.
    if len(text) > LONGEST_JSON or text[:100].lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        # Numbers are only checked: Python rejects very long integers when it converts them.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_reject)
    except (ValueError, RecursionError):
        return False
    return True


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid in JSON (RFC 8259, section 6)")


def _json(text: str, size: int, what: str) -> Body:
    plain = visible(text[:CHARACTERS]) + ("…" if len(text) > CHARACTERS else "")
    if len(text) <= ONE_LINE and text.isprintable():
        return Body("".join(_highlighted(_tokens(text))), plain, _note(what, size))
    # The cache must not keep long payloads in memory that the log has forgotten.
    lines = _lines(text) if len(text) <= PRETTY_CHARACTERS else _lines.__wrapped__(text)
    block = _block(lines, html_of(" ".join(text[:80].split())) + "…")
    return Body("", plain, _note(what, size, lines[-1] == "…"), block)


@lru_cache(maxsize=256)
def _lines(text: str) -> tuple[str, ...]:
    return tuple("".join(_highlighted(_indented(text))).split("\n"))


@lru_cache(maxsize=1)
def _lexer() -> Any:
    # Imported with the first JSON: it takes long, and most streams need it not at once.
    from pygments.lexers.data import JsonLexer

    return JsonLexer(stripnl=False, ensurenl=False)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a JSON text, each with its CSS class, or "" for none."""
    for kind, token in _lexer().get_tokens(text):
        yield _CLASSES.get(str(kind), ""), token


def _indented(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a JSON text with one value per line, truncated to a limit."""
    depth = 0
    room = PRETTY_CHARACTERS
    is_first = False
    for name, token in _tokens(text):
        # A token without a class may consist of several brackets, commas and colons.
        for part in [token] if name else "".join(token.split()):
            if room <= 0:
                yield "", "\n…"
                return
            closes = part in ("}", "]")
            depth -= closes
            if is_first != closes:
                yield "", "\n" + "  " * depth
            yield name, part[:room]
            is_first = part in ("{", "[")
            depth += is_first
            if part == ",":
                yield "", "\n" + "  " * depth
            elif part == ":":
                yield "", " "
            room -= len(part) + depth


def _highlighted(tokens: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, token in tokens:
        if name:
            yield f'<bdi class="{name}">{escape(visible(token), quote=False)}</bdi>'
        else:
            yield token if token.isprintable() or token[0] == "\n" else visible(token)
