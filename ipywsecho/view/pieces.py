"""Whole payloads, however large: a piece at a time, each as HTML."""

from functools import lru_cache
from html import escape
from typing import NamedTuple

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import AS_IT_IS, Control, Decoded, Frame, Notice
from ipywsecho.view.indenting import LONGEST, indented_lines, is_json
from ipywsecho.view.payloads import View, hex_line
from ipywsecho.view.pictures import MOST_PIXELS, picture_of
from ipywsecho.view.rows import text_of

__all__ = ["DECODED", "PICTURE", "Piece", "picture_type_of", "piece_of", "views_of"]

PICTURE = "picture"
"""The view that shows a picture itself."""

DECODED = "decoded"
"""The view that shows what `decode` made of a frame, or why it made nothing."""

CHARACTERS = 20_000
"""Number of characters in a piece of text."""

BYTES = 4_096
"""Number of bytes in a piece of a hex dump."""


class Piece(NamedTuple):
    """A part of a payload.

    Attributes:
        html: The part as HTML, to be read as preformatted text.
        end: Where the next part starts, or `None` after the last.
    """

    html: str
    end: int | None


def views_of(entry: Frame | Notice | Control, decoded: Decoded = AS_IT_IS) -> list[str]:
    """Return the views that an entry can be shown in, the most telling first.

    Args:
        entry: A frame, or an event.
        decoded: What was made of the frame.
    """
    views = _views(entry)
    if decoded.text is not None:
        return [DECODED, *views]
    return [*views, DECODED] if decoded.error else views


def _views(entry: Frame | Notice | Control) -> list[str]:
    if not isinstance(entry, Frame):
        return [View.TEXT]
    data = entry.data
    if isinstance(data, str):
        return [View.JSON, View.TEXT, View.HEX] if is_json(data) else [View.TEXT, View.HEX]
    views = [PICTURE] if picture_type_of(entry) else []
    views += [View.HEX, View.TEXT]
    return [*views, View.JSON] if is_json(data.decode("utf-8", "replace")) else views


def picture_type_of(entry: Frame | Notice | Control) -> str | None:
    """Return the media type of a picture that a page may show, or `None`."""
    if not isinstance(entry, Frame) or isinstance(entry.data, str):
        return None
    picture = picture_of(entry.data)
    if picture is None or picture.size is None or picture.size[0] * picture.size[1] > MOST_PIXELS:
        return None
    return f"image/{picture.format.lower()}"


def piece_of(
    entry: Frame | Notice | Control, view: str, start: int, decoded: Decoded = AS_IT_IS
) -> Piece:
    """Return a part of an entry.

    Args:
        entry: A frame, or an event.
        view: One of `views_of` the entry; a picture has no text.
        start: 0, or where the part before ended.
        decoded: What was made of the frame.
    """
    if isinstance(entry, Notice):
        return _text(entry.text, start)
    if isinstance(entry, Control):
        return _text(text_of(entry), start)
    if view == DECODED:
        return _decoded(decoded, start)
    data = entry.data
    if view == View.HEX:
        return _hex(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data, start)
    if view == PICTURE:
        return Piece("", None)
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return _json(text, start) if view == View.JSON and is_json(text) else _text(text, start)


def _decoded(decoded: Decoded, start: int) -> Piece:
    text = decoded.error if decoded.text is None else decoded.text
    is_value = (decoded.is_json and len(text) <= LONGEST) or is_json(text)
    return _json(text, start) if is_value else _text(text, start)


def _text(text: str, start: int) -> Piece:
    end = start + CHARACTERS
    if end < len(text):
        # Whole lines, as a page lays them out sooner than a line that goes on in the next part.
        end = text.rfind("\n", start, end) + 1 or end
    # A line break is one here, and needs no mark.
    shown = "\n".join(map(visible, text[start:end].split("\n")))
    return Piece(escape(shown, quote=False), end if end < len(text) else None)


def _hex(data: bytes, start: int) -> Piece:
    end = min(start + BYTES, len(data))
    lines = [html_of(hex_line(data, each)) + "\n" for each in range(start, end, 16)]
    return Piece("".join(lines), end if end < len(data) else None)


def _json(text: str, start: int) -> Piece:
    lines = _lines(text)
    size, end = 0, start
    while end < len(lines) and size < CHARACTERS:
        size += len(lines[end])
        end += 1
    html = "".join(line + "\n" for line in lines[start:end])
    return Piece(html, end if end < len(lines) else None)


# The one that is read at the moment, as each of its pieces would take as long as the whole.
_lines = lru_cache(maxsize=1)(indented_lines)
