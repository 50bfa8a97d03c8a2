"""Sizes of pictures, compared with those that Pillow reads."""

import random
import struct
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from ipywsecho.view.dimensions import size_of

SIZES = [(1, 1), (12, 7), (7, 12), (300, 200), (1, 5_000)]


def picture(kind: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
    """Make a picture of noise."""
    file = BytesIO()
    noise = random.Random(1).randbytes(size[0] * size[1] * len(mode))
    Image.frombytes(mode, size, noise).save(file, kind, **options)
    return file.getvalue()


def others(size: tuple[int, int]) -> list[Image.Image]:
    return [Image.new("RGB", size, colour) for colour in ("red", "green")]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("PNG", "RGBA", {"optimize": True}),
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {"comment": b"\xff\xc0" * 100}),
        ("JPEG", "RGB", {"exif": b"Exif\0\0" + bytes(60_000), "icc_profile": bytes(100_000)}),
        ("GIF", "L", {}),
        ("GIF", "RGB", {"save_all": True}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"save_all": True}),
        ("WEBP", "RGB", {"icc_profile": bytes(500)}),
    ],
)
def test_the_size_is_the_one_that_pillow_reads(
    kind: str, mode: str, options: dict[str, Any], size: tuple[int, int]
) -> None:
    if options.get("save_all"):
        options = {**options, "append_images": others(size)}
    data = picture(kind, size, mode, **options)

    assert Image.open(BytesIO(data)).size == size
    assert size_of(kind, data) == size


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_incomplete_header_has_no_size(kind: str) -> None:
    data = picture(kind, (12, 7))

    found = [size_of(kind, data[:length]) for length in range(len(data))]

    first = found.index((12, 7))
    assert set(found[:first]) == {None}
    assert set(found[first:]) == {(12, 7)}


def test_a_jpeg_may_have_fill_bytes_before_a_marker() -> None:
    data = picture("JPEG", (12, 7))

    assert size_of("JPEG", data[:2] + b"\xff" * 10 + data[2:]) == (12, 7)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("PNG", b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1, 1) + bytes(9)),
        ("JPEG", b"\xff\xd8\xff\xd9"),
        ("JPEG", b"\xff\xd8\xff\xda\x00\x08" + bytes(100)),
        ("JPEG", b"\xff\xd8\xff\xe0\x00\x04ab<script>"),
        ("JPEG", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000),
        ("JPEG", b"\xff\xd8\xff\xc0\x00\x0b\x08" + bytes(20)),
        ("GIF", b"GIF89a" + struct.pack("<HH", 0, 0) + b"\0\0\0;"),
        ("GIF", b"GIF89a<script>alert(1)</script>"),
        ("WEBP", b"RIFF\0\0\0\0WEBPVP8 " + bytes(50)),
        ("WEBP", b"RIFF\0\0\0\0WEBPVP8L" + bytes(50)),
        ("WEBP", b"RIFF\0\0\0\0WEBPALPH" + bytes(50)),
        ("WEBP", b"RIFF\0\0\0\0WEBPVP8X" + bytes(4) + b"\0\0\0\0" + b"\xff" * 6),
    ],
)
def test_an_invalid_or_absurd_header_has_no_size(kind: str, data: bytes) -> None:
    assert size_of(kind, data) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_corrupt_header_raises_no_error(kind: str) -> None:
    source = random.Random(7)
    whole = picture(kind, (40, 30))[:200]

    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(source.randrange(1, 8)):
            data[source.randrange(len(data))] = source.randrange(256)
        size = size_of(kind, bytes(data))

        assert size is None or min(size) > 0
