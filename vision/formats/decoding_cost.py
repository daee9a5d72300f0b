"""Estimates from an image's header what it will cost to decode it."""

import struct

# Measured on photographs: 2 to 4 ms a megapixel for a baseline JPEG, which is decoded at a fraction of its
# size, and 25 to 40 ms for all else. So much of either takes some 60 ms.
_PIXELS_OF_BASELINE_JPEG = 16_000_000
_PIXELS_OF_OTHERS = 2_000_000
# A camera writes about ten segments before the size; who writes thousands wants them to be counted.
_MAX_SEGMENTS = 200
_NO_SIZES = (0xC4, 0xC8, 0xCC)
_PROGRESSIVE = 0xC2


def decoding_cost(content: bytes) -> int:
    """Return how many usual images of some 2 megapixels an image costs as much as, at least 1.

    Takes some microseconds. Bytes that are no image, or a broken one, count as one: they are refused soon.
    """
    try:
        if content.startswith(b"\xff\xd8"):
            return _cost_of_jpeg(content)
        width, height = _size(content)
    except (struct.error, IndexError):
        return 1
    return _ceil(width * height, _PIXELS_OF_OTHERS)


def _size(content: bytes) -> tuple[int, int]:
    if content.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    if content[8:15] == b"WEBPVP8":
        return _size_of_webp(content)
    # AVIF and HEIC; a thumbnail's size may come first, and a large image in small tiles last.
    sizes, place = [(0, 0)], -1
    while content[4:8] == b"ftyp" and (place := content.find(b"ispe", place + 1, 2**16)) >= 0:
        sizes.append(struct.unpack_from(">II", content, place + 8))
    return max(sizes)


def _size_of_webp(content: bytes) -> tuple[int, int]:
    kind = content[15:16]
    if kind == b"X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _cost_of_jpeg(content: bytes) -> int:
    place = 2
    for _ in range(_MAX_SEGMENTS):
        marker = content[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            a_place = _PIXELS_OF_OTHERS if marker == _PROGRESSIVE else _PIXELS_OF_BASELINE_JPEG
            return _ceil(width * height, a_place)
        (length,) = struct.unpack_from(">H", content, place + 2)
        place += 2 + length
    return 1


def _ceil(pixels: int, a_place: int) -> int:
    return max(1, -(-pixels // a_place))
