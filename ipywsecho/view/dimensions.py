"""The size of a picture, read from its header.

Only what declares the size is read, and nothing is decoded: the bytes are the peer's.
"""

import struct
import zlib
from collections.abc import Callable, Mapping

__all__ = ["Size", "size_of"]

Size = tuple[int, int]
"""Width and height in pixels."""

# A picture has some tens of segments before its size; a peer could send millions.
_MOST_SEGMENTS = 1_000
# A picture that declares more pixels is not one, but an attack on what decodes it.
_MOST_PIXELS = 200_000_000
_GIF_BLOCKS = b"\x21\x2c\x3b"


def size_of(format_: str, data: bytes) -> Size | None:
    """Return the declared size of a picture, or `None` if its header is incomplete or invalid.

    Args:
        format_: "PNG", "JPEG", "GIF" or "WEBP".
        data: The picture, which begins with the signature of its format.
    """
    try:
        size = _READERS[format_](data)
    except (struct.error, IndexError):
        # The header is incomplete.
        return None
    return size if size is not None and 0 < size[0] * size[1] <= _MOST_PIXELS else None


def _png(data: bytes) -> Size | None:
    # The first chunk is IHDR (W3C, PNG, section 11.2.1): length, type, content, checksum.
    length, kind, width, height = struct.unpack_from(">I4sII", data, 8)
    [checksum] = struct.unpack_from(">I", data, 29)
    is_header = length == 13 and kind == b"IHDR" and zlib.crc32(data[12:29]) == checksum
    return (width, height) if is_header else None


def _jpeg(data: bytes) -> Size | None:
    # Segments (ITU-T T.81, annex B.1): a marker, a length that includes its own two bytes, content.
    start = 2
    for _ in range(_MOST_SEGMENTS):
        while data[start] == 0xFF and data[start + 1] == 0xFF:
            start += 1
        if data[start] != 0xFF:
            return None
        marker = data[start + 1]
        # The start of a frame, which three other markers lie between (table B.1).
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, start + 5)
            return width, height
        # The start of a scan, and the end of the picture, come after the frame.
        if marker in (0xD9, 0xDA):
            return None
        [length] = struct.unpack_from(">H", data, start + 2)
        start += 2 + length
    return None


def _gif(data: bytes) -> Size | None:
    # The screen (GIF89a, section 18), perhaps a table of colours, and a block.
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    colours = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    return (width, height) if data[13 + colours] in _GIF_BLOCKS else None


def _webp(data: bytes) -> Size | None:
    # The first chunk tells the kind of the picture (RFC 9649, section 2).
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if data[20] == 0x2F:
            [bits] = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(data) >= 30:
            width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return width + 1, height + 1
    return None


_READERS: Mapping[str, Callable[[bytes], Size | None]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WEBP": _webp,
}
