"""Pictures in frames: recognised by content, and made small enough for the log."""

import re
import warnings
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

__all__ = ["Gallery", "Picture", "is_picture", "is_svg", "picture_of", "svg_of"]

EDGE = 128
"""How many pixels wide and high a picture in the log is at most."""

SMALL = 6_000
"""A picture of at most so many bytes goes to the page as it came."""

PIXELS = 2**20
"""A picture of more pixels does not go to the page as it came, however few bytes it has."""

MOST_PIXELS = 40_000_000
"""A picture of more pixels is not shown: somebody else says how much memory it takes."""

_KEPT = 256

_FORMATS = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}
_SIGNATURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP", re.DOTALL)
# Possessive: comments could be told apart in exponentially many ways, and all would be tried.
_SVG = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*+<svg[\s>/]", re.DOTALL
)
_SVG_SIZE = re.compile(
    r"""\s(width|height)\s*=\s*["']\s*([\d.]{1,9})(?:px)?\s*["']"""
    r"""|\sviewBox\s*=\s*["']\s*[\d.+-]+[\s,]+[\d.+-]+[\s,]+([\d.]{1,9})[\s,]+([\d.]{1,9})"""
)


class Picture(NamedTuple):
    """What a picture says of itself.

    Attributes:
        format: "PNG", "JPEG", "GIF", "WEBP" or "SVG".
        size: Width and height in pixels, or `None` if it names none.
    """

    format: str
    size: tuple[int, int] | None

    def __str__(self) -> str:
        return f"{self.format} image" + (f", {self.size[0]} × {self.size[1]}" if self.size else "")


def is_picture(data: bytes) -> bool:
    """Tell whether the bytes begin as a picture does."""
    return _SIGNATURE.match(data) is not None


def picture_of(data: bytes) -> Picture | None:
    """Return what kind of picture the bytes hold, or `None` if they hold none."""
    if not is_picture(data):
        return None
    # Only here, as most streams hold no pictures.
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # What a decoder finds odd is a peer's business, and its size is only read here.
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=list(_FORMATS)) as image:
                # A JPEG may hold several pictures, and then goes by a name of its own.
                return Picture("JPEG" if image.format == "MPO" else image.format or "", image.size)
    except Exception:
        # Whatever a decoder says of bytes that a peer made up: it is no picture.
        return None


def is_svg(text: str) -> bool:
    """Tell whether the text begins as an SVG picture does."""
    return _SVG.match(text[:2_000]) is not None


def svg_of(text: str) -> Picture:
    """Return what an SVG picture says of itself. It is never drawn, as it may hold scripts."""
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
    """Pictures as the page can show them; those that are large are made small beside the stream.

    Making a picture small takes a while, so it is done elsewhere, for one picture at a time, and
    the log is drawn again when it is done. What is asked for meanwhile has to be asked for again.

    Args:
        work: Calls a function elsewhere, and then another one with its result.
    """

    def __init__(
        self, work: Callable[[Callable[[], str], Callable[[str], object]], object]
    ) -> None:
        self._work = work
        # By hash, which bytes remember: the pictures themselves are not held any longer for it.
        self._made: dict[int, str] = {}
        self._is_busy = False

    def source_of(self, data: bytes, picture: Picture) -> str | None:
        """Return a picture as a `data:` URI, "" if it cannot be shown, or `None` if not yet."""
        width, height = picture.size or (0, 0)
        if len(data) <= SMALL and width * height <= PIXELS:
            return _uri(_FORMATS[picture.format], data)
        if width * height > MOST_PIXELS:
            return ""
        key = hash(data)
        if key in self._made:
            return self._made[key]
        if not self._is_busy:
            self._is_busy = True
            self._work(lambda: _made_small(data), lambda source: self._keep(key, source))
        return None

    def _keep(self, key: int, source: str) -> None:
        self._is_busy = False
        while len(self._made) >= _KEPT:
            del self._made[next(iter(self._made))]
        self._made[key] = source


def _made_small(data: bytes) -> str:
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=list(_FORMATS)) as image:
            image.draft("RGB", (EDGE, EDGE))
            image.thumbnail((EDGE, EDGE))
            small = BytesIO()
            has_alpha = image.has_transparency_data
            image.convert("RGBA" if has_alpha else "RGB").save(small, "WEBP", quality=80)
            return _uri("webp", small.getvalue())
    except Exception:
        # As above: a decoder may raise anything.
        return ""


def _uri(subtype: str, data: bytes) -> str:
    return f"data:image/{subtype};base64,{b64encode(data).decode()}"
