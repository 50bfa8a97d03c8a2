"""What a frame holds, and how that is shown: as text, JSON, a picture or bytes.

JSON is set out anew but otherwise left as it came: numbers keep their spelling, and keys that occur
twice are shown twice.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from html import escape
from typing import NamedTuple, NoReturn

from pygments.lexers.data import JsonLexer
from pygments.token import Keyword, Name, Number, String

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import Frame
from ipywsecho.view.pictures import Picture, is_picture, is_svg, picture_of, svg_of

__all__ = ["Body", "Kind", "View", "body_of", "kind_of", "size_in_words"]

CHARACTERS = 1_000
"""How many characters of a text are shown."""

PRETTY_CHARACTERS = 3_000
"""How many characters of JSON are shown, its indentation included."""

BYTES = 256
"""How many bytes are shown."""

LINES = 8
"""JSON and bytes of more lines are folded."""

ONE_LINE = 72
"""JSON of at most so many characters is left on one line."""

LONGEST_JSON = 200_000
"""A text of more characters is not read as JSON, which would take too long."""

_LEXER = JsonLexer(stripnl=False, ensurenl=False)
_CLASSES = {
    Name.Tag: "key",
    String.Double: "str",
    Number.Integer: "num",
    Number.Float: "num",
    Keyword.Constant: "num",
}


class Kind(StrEnum):
    """What a frame holds."""

    TEXT = "text"
    JSON = "JSON"
    PICTURE = "picture"
    BYTES = "bytes"


class View(StrEnum):
    """How frames are shown."""

    AUTOMATIC = "automatic"
    """Each as what it holds."""
    TEXT = "text"
    """Bytes are read as UTF-8, and what is not is marked."""
    JSON = "JSON"
    """What is no JSON is shown as text."""
    HEX = "hex"
    """Text is shown as the bytes that went over the network."""


class Body(NamedTuple):
    """A payload as a row of the log shows it.

    Attributes:
        html: As HTML within a line.
        plain: As text, with less of it where the HTML is folded.
        note: What it is, its size, and whether all of it is shown.
        block: More HTML, of several lines.
    """

    html: str
    plain: str
    note: str
    block: str = ""


def kind_of(data: str | bytes) -> Kind:
    """Return what a payload holds, by its content. Single numbers and words count as text."""
    if isinstance(data, bytes):
        return Kind.PICTURE if is_picture(data) and picture_of(data) else Kind.BYTES
    if _is_json(data):
        return Kind.JSON
    return Kind.PICTURE if "<svg" in data[:2_000] and is_svg(data) else Kind.TEXT


def body_of(frame: Frame, view: View, source_of: Callable[[bytes, Picture], str | None]) -> Body:
    """Return what a row of the log shows of a frame.

    Args:
        frame: The frame.
        view: How it is shown.
        source_of: Returns a picture as a URI, "" if it cannot be shown, or `None` if not yet.
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
    """Return a number of bytes as one reads it, such as "6 B" or "1.2 kB"."""
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


def _picture(
    data: bytes, picture: Picture, source_of: Callable[[bytes, Picture], str | None]
) -> Body:
    what = str(picture)
    source = source_of(data, picture)
    image = f'<img alt="{what}" src="{source}">' if source else ""
    words = what + (" (it cannot be shown)" if source == "" else "")
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
        line = f"{data.hex(' ')}   {_letters(data)}"
        return Body(f"<bdi>{html_of(line)}</bdi>", line, note)
    plain = data[:48].hex(" ") + ("…" if len(data) > 48 else "")
    lines = [_hex_line(data, start) for start in range(0, min(len(data), BYTES), 16)]
    if is_cut:
        lines.append("…")
    return Body("", plain, note, _block([html_of(line) for line in lines], html_of(lines[0])))


def _hex_line(data: bytes, start: int) -> str:
    line = data[start : start + 16]
    codes = f"{line[:8].hex(' ')}  {line[8:].hex(' ')}"
    return f"{start:08x}  {codes:<48}  {_letters(line)}"


def _letters(data: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)


# --- JSON ---


def _is_json(text: str) -> bool:
    # Looking at its beginning first spares most texts the attempt.
    if len(text) > LONGEST_JSON or text[:100].lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        # Numbers are only checked, and not converted.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON (RFC 8259, section 6)")


def _json(text: str, size: int, what: str) -> Body:
    plain = visible(text[:CHARACTERS]) + ("…" if len(text) > CHARACTERS else "")
    if len(text) <= ONE_LINE and text.isprintable():
        return Body("".join(_coloured(_words(text))), plain, _note(what, size))
    # The longest are not remembered: nothing may hold what the log has forgotten.
    lines = _lines(text) if len(text) <= PRETTY_CHARACTERS else _lines.__wrapped__(text)
    block = _block(lines, html_of(" ".join(text[:80].split())) + "…")
    return Body("", plain, _note(what, size, lines[-1] == "…"), block)


@lru_cache(maxsize=256)
def _lines(text: str) -> tuple[str, ...]:
    return tuple("".join(_coloured(_set_out(text))).split("\n"))


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a JSON text, and what stands between, each with a class."""
    for kind, word in _LEXER.get_tokens(text):
        yield _CLASSES.get(kind, ""), word


def _set_out(text: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a JSON text anew, a line for each value, up to a limit."""
    depth = 0
    room = PRETTY_CHARACTERS
    is_first = False
    for name, word in _words(text):
        # Brackets, commas and colons may come in one.
        for part in [word] if name else "".join(word.split()):
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


def _coloured(words: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, word in words:
        if name:
            yield f'<bdi class="{name}">{escape(visible(word), quote=False)}</bdi>'
        else:
            yield word if word.isprintable() or word[0] == "\n" else visible(word)
