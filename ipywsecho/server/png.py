"""Generates pictures as PNG files in pure Python, a different one for each seed.

The height of each pixel is the sum of waves across the picture and of rings around a point. As on a
topographic map, pixels of about equal height have the same colour.
"""

import math
import random
import struct
import zlib
from collections.abc import Iterator

__all__ = ["picture"]

_COLOURS = 12
_STEPS = 256


def picture(size: int, seed: str | None = None) -> bytes:
    """Return a square picture as a PNG file.

    Args:
        size: Width and height in pixels.
        seed: Determines the picture; with `None` every picture is different.
    """
    chance = random.Random(seed)
    # Each row starts with its filter type, 0 for none; the pixels are indices into the palette.
    rows = b"".join(b"\0" + row for row in _rows(size, chance))
    chunks = (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", _palette(chance)),
        _chunk(b"IDAT", zlib.compress(rows)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _palette(chance: random.Random) -> bytes:
    hue, spread = chance.random(), chance.uniform(0.1, 0.35)
    levels = [step / (_COLOURS - 1) for step in range(_COLOURS)]
    return bytes(
        round(255 * (0.12 + 0.85 * level) * (0.62 + 0.38 * _wave(hue + spread * level + third / 3)))
        for level in levels
        for third in range(3)
    )


def _rows(size: int, chance: random.Random) -> Iterator[bytes]:
    # Terms that depend on one coordinate are computed once, so that a pixel takes few additions.
    waves_x, waves_y = _waves(size, chance), _waves(size, chance)
    away_x, away_y = _squares(size, chance.random()), _squares(size, chance.random())
    count = chance.uniform(1, 3)
    rings = [_wave(count * step / _STEPS) for step in range(2 * _STEPS + 1)]
    for y in range(size):
        wave, away = waves_y[y] + 3, away_y[y]
        yield bytes(
            # The sum of three waves, from 0 to 6.
            int((wave + waves_x[x] + rings[int((away + away_x[x]) * _STEPS)]) * _COLOURS / 6.001)
            for x in range(size)
        )


def _waves(size: int, chance: random.Random) -> list[float]:
    count, phase = chance.uniform(0.6, 2.2), chance.random()
    return [_wave(count * step / size + phase) for step in range(size)]


def _squares(size: int, centre: float) -> list[float]:
    return [(step / size - centre) ** 2 for step in range(size)]


def _wave(turns: float) -> float:
    return math.cos(math.tau * turns)
