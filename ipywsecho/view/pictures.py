"""Pictures in frames: recognised by their content, and shown as thumbnails."""

import re
from base64 import b64encode
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from typing import NamedTuple

from ipywsecho.view.dimensions import Size, size_of

__all__ = [
    "Gallery",
    "Picture",
    "SourceOf",
    "is_picture",
    "is_svg",
    "picture_of",
    "svg_of",
    "why_not_shown",
]

EDGE = 128
"""Maximum width and height of a thumbnail in pixels."""

SMALL = 6_000
"""Maximum size, in bytes, of a picture that is sent to the page unchanged."""

PIXELS = 2**20
"""Maximum number of pixels of a picture that is sent to the page unchanged."""

MOST_PIXELS = 40_000_000
"""Maximum number of pixels of a picture that is shown: the peer must not exhaust the memory."""

_KEPT = 256

_FORMATS = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}
_SIGNATURE = re.compile(
    rb"(?P<PNG>\x89PNG\r\n\x1a\n)|(?P<JPEG>\xff\xd8\xff)|(?P<GIF>GIF8[79]a)"
    rb"|(?P<WEBP>RIFF....WEBP)",
    re.DOTALL,
)
# The possessive "*+" prevents catastrophic backtracking in a row of comments.
_SVG = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*+<svg[\s>/]", re.DOTALL
)
_SVG_SIZE = re.compile(
    r"""\s(width|height)\s*=\s*["']\s*([\d.]{1,9})(?:px)?\s*["']"""
    r"""|\sviewBox\s*=\s*["']\s*[\d.+-]+[\s,]+[\d.+-]+[\s,]+([\d.]{1,9})[\s,]+([\d.]{1,9})"""
)


class Picture(NamedTuple):
    """The format and the size of a picture, as its header declares them.

    Attributes:
        format: "PNG", "JPEG", "GIF", "WEBP" or "SVG".
        size: Width and height in pixels, or `None` for an SVG picture that declares none.
    """

    format: str
    size: Size | None

    def __str__(self) -> str:
        return f"{self.format} image" + (f", {self.size[0]} × {self.size[1]}" if self.size else "")


SourceOf = Callable[[bytes, Picture], str | None]
"""Returns the URI of a picture, "" if it cannot be shown, or `None` if it is not ready yet."""


def is_picture(data: bytes) -> bool:
    """Return whether the bytes begin with the signature of a picture."""
    return _SIGNATURE.match(data) is not None


def picture_of(data: bytes) -> Picture | None:
    """Return the format and size of the picture, or `None` if the bytes are not a picture."""
    signature = _SIGNATURE.match(data)
    if signature is None or signature.lastgroup is None:
        return None
    size = size_of(signature.lastgroup, data)
    return None if size is None else Picture(signature.lastgroup, size)


def is_svg(text: str) -> bool:
    """Return whether the text begins like an SVG picture."""
    return _SVG.match(text[:2_000]) is not None


def svg_of(text: str) -> Picture:
    """Return the declared size of an SVG picture. It is never drawn, as it may contain scripts."""
    start = text.find("<svg")
    tag = text[start : start + 2_000].partition(">")[0]
    found: dict[str, str] = {}
    for name, value, width, height in _SVG_SIZE.findall(tag):
        if name:
            found[name] = value
        else:
            found = {"width": width, "height": height} | found
    try:
        return Picture("SVG", (round(float(found["width"])), round(float(found["height"]))))
    except (KeyError, ValueError):
        return Picture("SVG", None)


class Gallery:
    """Provides pictures as URIs for the page; a large picture is replaced by a thumbnail.

    Making a thumbnail takes a while, so `work` does it in the background, one picture at a time,
    and the log is redrawn afterwards. The redraw requests the pictures that are still missing.

    Args:
        work: Calls a function in the background, and then another function with its result.
    """

    def __init__(
        self, work: Callable[[Callable[[], str], Callable[[str], object]], object]
    ) -> None:
        self._work = work
        # By hash, so that the gallery does not keep the original pictures in memory.
        self._thumbnails: dict[int, str] = {}
        self._is_busy = False

    def source_of(self, data: bytes, picture: Picture) -> str | None:
        """Return a `data:` URI, "" if the picture cannot be shown, or `None` if not ready yet."""
        width, height = picture.size or (0, 0)
        if len(data) <= SMALL and width * height <= PIXELS:
            return _uri(_FORMATS[picture.format], data)
        if width * height > MOST_PIXELS or not _has_pillow():
            return ""
        key = hash(data)
        if key in self._thumbnails:
            return self._thumbnails[key]
        if not self._is_busy:
            self._is_busy = True
            self._work(lambda: _thumbnail(data), lambda source: self._keep(key, source))
        return None

    def _keep(self, key: int, source: str) -> None:
        self._is_busy = False
        while len(self._thumbnails) >= _KEPT:
            del self._thumbnails[next(iter(self._thumbnails))]
        self._thumbnails[key] = source


def why_not_shown(picture: Picture) -> str:
    """Return in words why a picture is not shown."""
    width, height = picture.size or (0, 0)
    if width * height <= MOST_PIXELS and not _has_pillow():
        return "too large to show without Pillow"
    return "cannot be shown"


def _has_pillow() -> bool:
    # A notebook that runs inside a web page may lack it.
    return find_spec("PIL") is not None


def _thumbnail(data: bytes) -> str:
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=list(_FORMATS)) as image:
            image.draft("RGB", (EDGE, EDGE))
            image.thumbnail((EDGE, EDGE))
            file = BytesIO()
            has_alpha = image.has_transparency_data
            image.convert("RGBA" if has_alpha else "RGB").save(file, "WEBP", quality=80)
            return _uri("webp", file.getvalue())
    except Exception:
        # Decoders raise all kinds of errors for invalid data.
        return ""


def _uri(subtype: str, data: bytes) -> str:
    return f"data:image/{subtype};base64,{b64encode(data).decode()}"
