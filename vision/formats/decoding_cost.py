"""Estimates from an image's header what it will cost to decode it."""

import struct

from vision.formats.av1_sizes import coded_pixels
from vision.formats.containers import container_format

# Measured on photographs: 2 to 4 ms a megapixel for a baseline JPEG, which is decoded at a fraction of its
# size, and 25 to 40 ms for all else. So much of either takes some 60 ms.
_PIXELS_OF_BASELINE_JPEG = 16_000_000
_PIXELS_OF_OTHERS = 2_000_000
# Of an image whose size isn't found: as much as 50 megapixels. Else who hides the size would pay least.
DEAREST = 25
# A camera writes about ten segments, chunks or boxes before the size.
_MAX_PARTS = 200
# A container's own head, without its pixels, is a few thousand bytes.
_MAX_META_BYTES = 1024 * 1024
_BASELINE = (0xC0, 0xC1)
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Of tables, restart intervals, applications and comments: these stand before the size, and say their length.
_SEGMENTS = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
_FILL = 0xFF


def decoding_cost(content: bytes) -> int:
    """Return how many usual images of some 2 megapixels an image costs as much as, at least 1.

    Takes some microseconds. Bytes that are no image count as one: they are refused soon. An image whose
    header is not laid out as encoders do it costs as much as the dearest.
    """
    try:
        if content.startswith(b"\xff\xd8\xff"):
            return _cost_of_jpeg(content)
        pixels = _pixels(content)
    except (struct.error, ValueError, IndexError):
        return DEAREST
    return DEAREST if pixels is None else _ceil(pixels, _PIXELS_OF_OTHERS)


def _pixels(content: bytes) -> int | None:
    """Return width times height, 0 of what is no image, None where they are not found."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _pixels_of_png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _pixels_of_webp(content)
    return 0 if container_format(content) is None else _pixels_of_container(content)


def _pixels_of_png(content: bytes) -> int | None:
    place, sizes = 8, list[int]()
    for _ in range(_MAX_PARTS):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", content, place + 8)
            sizes.append(width * height)
        if kind in (b"IDAT", b"IEND"):
            # Of two sizes a decoder may take either.
            return max(sizes, default=None)
        place += 12 + length
    return None


def _pixels_of_webp(content: bytes) -> int | None:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    else:
        return None
    return width * height


def _pixels_of_container(content: bytes) -> int | None:
    """Return the pixels of the largest image of an AVIF or HEIC: thumbnails and tiles have sizes too."""
    place, sizes = 0, list[int]()
    for _ in range(_MAX_PARTS):
        if place >= len(content):
            return max(sizes, default=0) or None
        length, kind = _box(content, place)
        if kind == b"meta":
            sizes += _sizes_in(content, place, min(place + length, len(content)))
        # A sequence says its size elsewhere.
        if kind == b"moov" or length < 8:
            return None
        place += length
    return None


def _box(content: bytes, place: int) -> tuple[int, bytes]:
    """Return the length of a box with its head, and its kind."""
    length, kind = struct.unpack_from(">I4s", content, place)
    if length == 1:
        (length,) = struct.unpack_from(">Q", content, place + 8)
    # Without a length it is the last one.
    return length or len(content) - place, kind


def _sizes_in(content: bytes, start: int, end: int) -> list[int]:
    if end - start > _MAX_META_BYTES or content.count(b"ispe", start, end) > _MAX_PARTS:
        return [DEAREST * _PIXELS_OF_OTHERS]
    coded = coded_pixels(content, start, end)
    sizes, place = [DEAREST * _PIXELS_OF_OTHERS if coded is None else coded], start
    while (place := content.find(b"ispe", place + 1, end)) >= 0:
        width, height = struct.unpack_from(">II", content, place + 8)
        sizes.append(width * height)
    return sizes


def _cost_of_jpeg(content: bytes) -> int:
    place = 2
    for _ in range(_MAX_PARTS):
        prefix, marker = content[place : place + 2]
        if prefix == _FILL and marker in _SIZES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            a_place = _PIXELS_OF_BASELINE_JPEG if marker in _BASELINE else _PIXELS_OF_OTHERS
            return _ceil(width * height, a_place)
        if prefix == _FILL and marker == _FILL:
            place += 1
            continue
        if prefix != _FILL or marker not in _SEGMENTS:
            return DEAREST
        (length,) = struct.unpack_from(">H", content, place + 2)
        place += 2 + length
    return DEAREST


def _ceil(pixels: int, a_place: int) -> int:
    return max(1, -(-pixels // a_place))
