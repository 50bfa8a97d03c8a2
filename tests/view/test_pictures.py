import random
import struct
import sys
import warnings
import zlib
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from typing import Any, ClassVar

import pytest
from PIL import Image

from ipywsecho.view import pictures
from ipywsecho.view.pictures import (
    Gallery,
    Picture,
    is_picture,
    is_svg,
    picture_of,
    svg_of,
    why_not_shown,
)

FORMATS = ["PNG", "JPEG", "GIF", "WEBP"]


def picture(kind: str, size: tuple[int, int] = (12, 7), mode: str = "RGB", **options: Any) -> bytes:
    """Make a picture of noise, which no format can compress well."""
    file = BytesIO()
    noise = random.Random(1).randbytes(size[0] * size[1] * len(mode))
    Image.frombytes(mode, size, noise).save(file, kind, **options)
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Make a small PNG file that declares this size and decompresses to zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress(bytes(1_000_000), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Elsewhere:
    """Collects work in the background until told to do it."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], str], Callable[[str], object]]] = []

    def __call__(self, work: Callable[[], str], done: Callable[[str], object]) -> None:
        self.jobs.append((work, done))

    def do(self) -> str:
        (work, done), *self.jobs = self.jobs
        source = work()
        done(source)
        return source


def decoded(source: str | None) -> Image.Image:
    """Return the picture in a `data:` URI."""
    assert source is not None
    head, _, data = source.partition(";base64,")
    image = Image.open(BytesIO(b64decode(data, validate=True)))
    assert head == f"data:image/{(image.format or '').lower()}"
    image.load()
    return image


def asked(gallery: Gallery, data: bytes) -> str | None:
    known = picture_of(data)
    assert known is not None
    return gallery.source_of(data, known)


# Recognising


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (12, 7), (300, 200)])
def test_a_picture_is_recognised_by_its_content(kind: str, size: tuple[int, int]) -> None:
    data = picture(kind, size)

    assert is_picture(data)
    assert picture_of(data) == Picture(kind, size)
    assert str(picture_of(data)) == f"{kind} image, {size[0]} × {size[1]}"


def test_a_jpeg_with_several_pictures_is_a_jpeg() -> None:
    data = picture("MPO", save_all=True, append_images=[Image.new("RGB", (12, 7))])

    assert picture_of(data) == Picture("JPEG", (12, 7))


def test_warnings_of_a_decoder_are_suppressed() -> None:
    data = picture("MPO", save_all=True, append_images=[Image.new("RGB", (12, 7))])
    # An index of the pictures with a wrong tag for their number.
    head, index, tail = data.partition(b"MPF\0")
    odd = head + index + tail.replace(b"\x01\xb0", b"\x09\xb0", 1)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        picture_of(odd)
        picture_of(png_that_claims(12_000, 9_000))

    assert odd != data
    assert heard == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x89PN",
        b"BM" + bytes(100),
        b"II*\x00" + bytes(100),
        b"%PDF-1.4",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"RIFF1234WAVE",
        b"<svg width='9' height='9'/>",
        b" " + picture("PNG"),
    ],
)
def test_other_bytes_are_not_a_picture(data: bytes) -> None:
    assert not is_picture(data)
    assert picture_of(data) is None


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_picture_is_not_recognised_or_has_its_declared_size(kind: str) -> None:
    data = picture(kind)

    found = [picture_of(data[:length]) for length in range(len(data))]

    assert found[:6] == [None] * 6
    assert set(found) <= {None, Picture(kind, (12, 7))}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_corrupt_picture_raises_no_error(kind: str) -> None:
    source = random.Random(3)
    whole = picture(kind, (40, 30))

    for _ in range(200):
        data = bytearray(whole)
        for _ in range(source.randrange(1, 8)):
            data[source.randrange(len(data))] = source.randrange(256)
        known = picture_of(bytes(data))
        made = pictures._thumbnail(bytes(data))

        assert known is None or known.format in FORMATS
        assert made == "" or max(decoded(made).size) <= pictures.EDGE


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_bytes_that_only_begin_like_a_picture_are_not_a_picture(head: bytes) -> None:
    assert is_picture(head)
    assert picture_of(head + b"<script>alert(1)</script>") is None


# SVG


@pytest.mark.parametrize(
    "text",
    [
        "<svg>",
        "<svg />",
        '  \n<svg xmlns="http://www.w3.org/2000/svg">',
        "<?xml version='1.0'?><svg >",
        "<?xml version='1.0'?>\n<!-- one --><!-- two -->\n<!DOCTYPE svg>\n<svg\n>",
        "<!-- <svg> --><svg>",
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'><svg>",
    ],
)
def test_svg_is_recognised_after_a_prologue(text: str) -> None:
    assert is_svg(text)


@pytest.mark.parametrize(
    "text", ["", "svg", "<svgx>", "a <svg>", "<html><svg>", "<!-- <svg>", "<SVG>", "<!-- -->x<svg>"]
)
def test_other_text_is_not_svg(text: str) -> None:
    assert not is_svg(text)


@pytest.mark.parametrize(
    "text",
    [
        "<!---->" * 280 + "x<svg",
        "<!--" * 400 + "<svg",
        "<!DOCTYPE>" * 190 + "x<svg",
        "<!DOCTYPE" * 200 + "<svg",
        " " * 1_990 + "<svg",
        "<?xml" + "?" * 1_900 + "<svg",
        "<!-- -->\n" * 200 + "<svg",
    ],
)
def test_text_that_invites_backtracking_is_examined_quickly(text: str) -> None:
    # With a pattern that allows backtracking, this would take forever.
    assert not is_svg(text)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="20" height="10"', (20, 10)),
        ("width='20px' height = '10.4px'", (20, 10)),
        ('width="100%" height="100%" viewBox="0 0 30 15"', (30, 15)),
        ('viewBox="-5,-5,30.6,15"', (31, 15)),
        ('viewBox="0 0 30 15" width="60" height="30"', (60, 30)),
        ('viewBox="0 0 30 15" width="60"', (60, 15)),
        ('width="20"', None),
        ("", None),
        ('width="1.2.3" height="2"', None),
        ('width="-5" height="2"', None),
        ('width="1234567890" height="2"', None),
        ('data-width="5" data-height="5"', None),
        ('width="<script>" height="&quot;"', None),
    ],
)
def test_the_size_of_an_svg_is_the_one_it_declares_in_pixels(
    attributes: str, size: tuple[int, int] | None
) -> None:
    text = f'<?xml version="1.0"?><svg {attributes}><rect width="7" height="7"/></svg>'

    assert svg_of(text) == Picture("SVG", size)


@pytest.mark.parametrize(
    ("text", "words"),
    [("<svg width='3' height='4'>", "SVG image, 3 × 4"), ("<svg>", "SVG image")],
)
def test_an_svg_is_described_with_its_size_if_it_declares_one(text: str, words: str) -> None:
    assert str(svg_of(text)) == words


# Gallery


@pytest.mark.parametrize("kind", FORMATS)
def test_a_small_picture_is_sent_to_the_page_unchanged(kind: str) -> None:
    work = Elsewhere()
    data = picture(kind)

    source = asked(Gallery(work), data)

    assert source is not None
    assert source.startswith(f"data:image/{kind.lower()};base64,")
    assert b64decode(source.partition(",")[2]) == data
    assert work.jobs == []


def test_a_small_jpeg_with_several_pictures_has_the_media_type_of_a_jpeg() -> None:
    data = picture("MPO", save_all=True, append_images=[Image.new("RGB", (12, 7))])

    source = asked(Gallery(Elsewhere()), data)

    assert str(source).startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("size", "shown"), [((300, 200), (128, 85)), ((100, 400), (32, 128)), ((120, 120), (120, 120))]
)
def test_the_thumbnail_of_a_large_picture_is_made_in_the_background(
    kind: str, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    work = Elsewhere()
    gallery = Gallery(work)
    data = picture(kind, size)
    assert len(data) > pictures.SMALL

    before = asked(gallery, data)
    made = work.do()
    after = asked(gallery, data)

    assert before is None
    assert after == made
    assert after is not None
    image = decoded(after)
    assert (image.format, image.size) == ("WEBP", shown)
    assert len(after) < 40_000
    assert work.jobs == []


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_a_thumbnail_keeps_transparency_in_every_mode(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"

    image = decoded(pictures._thumbnail(picture(kind, (200, 200), mode)))

    assert image.size == (128, 128)
    assert image.mode == ("RGBA" if mode.endswith("A") and mode != "CMYK" else "RGB")


def test_a_thumbnail_contains_no_metadata() -> None:
    data = picture(
        "JPEG", (200, 200), icc_profile=random.Random(2).randbytes(500_000), exif=bytes(60_000)
    )

    made = pictures._thumbnail(data)

    assert len(data) > 560_000
    assert 0 < len(made) < 40_000


def test_one_thumbnail_is_made_at_a_time_and_the_next_must_be_requested_again() -> None:
    work = Elsewhere()
    gallery = Gallery(work)
    first, second = picture("PNG", (200, 200)), picture("PNG", (210, 200))

    asked_first = [asked(gallery, each) for each in (first, second, first, second)]
    jobs_at_first = len(work.jobs)
    work.do()
    asked_then = [asked(gallery, each) is None for each in (first, second, second)]

    assert asked_first == [None] * 4
    assert (jobs_at_first, len(work.jobs)) == (1, 1)
    assert asked_then == [False, True, True]


def test_equal_pictures_share_a_thumbnail() -> None:
    work = Elsewhere()
    gallery = Gallery(work)
    asked(gallery, picture("PNG", (200, 200)))
    work.do()

    again = asked(gallery, picture("PNG", (200, 200)))

    assert again is not None
    assert work.jobs == []


def test_a_picture_that_cannot_be_decoded_is_tried_once_and_not_shown() -> None:
    work = Elsewhere()
    gallery = Gallery(work)
    data = picture("PNG", (200, 200))[:10_000]

    before = asked(gallery, data)
    work.do()

    assert (before, asked(gallery, data)) == (None, "")
    assert work.jobs == []


@pytest.mark.parametrize(
    ("width", "height", "source"),
    [(8_000, 6_000, ""), (40_000_001, 1, ""), (2_000, 1_000, None)],
)
def test_a_small_file_with_many_pixels_is_not_sent_to_the_page_unchanged(
    width: int, height: int, source: str | None
) -> None:
    work = Elsewhere()
    data = png_that_claims(width, height)
    assert len(data) <= pictures.SMALL

    assert asked(Gallery(work), data) == source
    # A picture with too many pixels is not even decoded in the background.
    assert len(work.jobs) == (source is None)


@pytest.mark.parametrize("edge", [20_000, 65_535, 2**31 - 1])
def test_a_file_that_declares_an_absurd_size_is_not_a_picture(edge: int) -> None:
    assert picture_of(png_that_claims(edge, edge)) is None


def test_the_gallery_keeps_a_limited_number_of_thumbnails() -> None:
    work = Elsewhere()
    gallery = Gallery(work)
    known = Picture("PNG", (200, 200))
    many = [b"%4d" % number + bytes(pictures.SMALL) for number in range(300)]

    for data in many:
        gallery.source_of(data, known)
        work.do()
    kept = [data for data in many if gallery.source_of(data, known) is not None]

    assert kept == many[-256:]


class Payload(bytes):
    """A payload class that counts its instances in memory."""

    alive: ClassVar[int] = 0

    def __init__(self, _: bytes) -> None:
        Payload.alive += 1

    def __del__(self) -> None:
        Payload.alive -= 1


def test_the_gallery_does_not_keep_the_original_of_a_thumbnail() -> None:
    work = Elsewhere()
    gallery = Gallery(work)

    for number in range(5):
        data = Payload(picture("PNG", (200 + number, 200)))
        asked(gallery, data)
        work.do()
        assert asked(gallery, data)
        del data

    assert Payload.alive == 0


# Without Pillow


def test_without_pillow_a_small_picture_is_shown_and_a_large_one_says_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = picture("PNG"), picture("PNG", (300, 200))
    monkeypatch.setitem(sys.modules, "PIL", None)
    elsewhere = Elsewhere()
    gallery = Gallery(elsewhere)

    assert str(asked(gallery, small)).startswith("data:image/png;base64,")
    assert asked(gallery, large) == ""
    assert elsewhere.jobs == []
    assert why_not_shown(Picture("PNG", (300, 200))) == "too large to show without Pillow"
    assert why_not_shown(Picture("PNG", (30_000, 20_000))) == "cannot be shown"
