"""Payloads in one line, for the rows of a list."""

from html import escape
from typing import NamedTuple

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import AS_IT_IS, Decoded, Frame
from ipywsecho.view.indenting import is_json, one_line
from ipywsecho.view.payloads import Kind, View, ascii_of, size_in_words
from ipywsecho.view.pictures import SourceOf, is_svg, picture_of, svg_of, why_not_shown

__all__ = ["Line", "line_of"]

CHARACTERS = 250
"""Number of characters that are shown; a row is seldom wider."""

BYTES = 24
"""Number of bytes that are shown."""


class Line(NamedTuple):
    """A payload in one line.

    Attributes:
        html: The payload, or its beginning, as HTML.
        what: What it is.
        size: Its size in words.
        is_ready: Whether there will be no other HTML: a picture, or what `decode` makes, may take a
            while.
    """

    html: str
    what: str
    size: str
    is_ready: bool = True


def line_of(
    frame: Frame, view: View, source_of: SourceOf, decoded: Decoded | None = AS_IT_IS
) -> Line:
    """Return a payload in one line.

    Args:
        frame: The frame.
        view: How to show the payload.
        source_of: Returns a picture as a URI.
        decoded: What was made of the payload, which is shown instead in all views but hex; `None`
            if that is not known yet.
    """
    if decoded is None:
        return _payload(frame, view, source_of)._replace(is_ready=False)
    if decoded.text is not None and view is not View.HEX:
        size = size_in_words(frame.size)
        is_value = decoded.is_json or is_json(decoded.text)
        if is_value and view is not View.TEXT:
            return Line(one_line(decoded.text, CHARACTERS), f"decoded {Kind.JSON}", size)
        return Line(_text(decoded.text), f"decoded {Kind.TEXT}", size)
    line = _payload(frame, view, source_of)
    if not decoded.error:
        return line
    error = escape(visible(decoded.error).replace("\n", " "), quote=False)
    return line._replace(html=f'<bdi class="error">{error}</bdi>  {line.html}')


def _payload(frame: Frame, view: View, source_of: SourceOf) -> Line:
    data, size = frame.data, size_in_words(frame.size)
    if view is View.HEX:
        is_text = isinstance(data, str)
        # A character takes a byte at least.
        octets = data[:BYTES].encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        what = "text as bytes" if is_text else str(Kind.BYTES)
        return Line(_hex(octets, len(data) > BYTES), what, size)
    prefix = ""
    if isinstance(data, bytes):
        if view is View.AUTOMATIC:
            return _picture_or_hex(data, size, source_of)
        # No character takes more than four bytes.
        whole = len(data) <= 4 * CHARACTERS or view is View.JSON
        data = (data if whole else data[: 4 * CHARACTERS]).decode("utf-8", "replace")
        prefix = "bytes as "
    if view is not View.TEXT and is_json(data):
        return Line(one_line(data, CHARACTERS), prefix + Kind.JSON, size)
    is_picture = view is View.AUTOMATIC and is_svg(data)
    return Line(_text(data), str(svg_of(data)) if is_picture else prefix + Kind.TEXT, size)


def _text(data: str) -> str:
    shown = visible(data[:CHARACTERS]).replace("\n", " ")
    more = "…" if len(data) > CHARACTERS else ""
    return f"<bdi>{escape(shown, quote=False)}</bdi>{more}"


def _hex(data: bytes, is_cut: bool) -> str:
    shown = data[:BYTES]
    more = "…" if is_cut else ""
    return f"<bdi>{html_of(shown.hex(' '))}{more}</bdi>  <bdi>{html_of(ascii_of(shown))}</bdi>"


def _picture_or_hex(data: bytes, size: str, source_of: SourceOf) -> Line:
    picture = picture_of(data)
    if picture is None:
        return Line(_hex(data, len(data) > BYTES), str(Kind.BYTES), size)
    source = source_of(data, picture)
    words = str(picture) + (f" ({why_not_shown(picture)})" if source == "" else "")
    image = f'<img alt="" src="{source}">' if source else ""
    return Line(f"{image}{words}", str(Kind.PICTURE), size, is_ready=source is not None)
