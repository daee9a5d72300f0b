"""Reads how many pixels the pictures of an AVIF are coded in; a decoder scales them to the size announced."""

import struct
from collections.abc import Iterator

_MAX_UNITS = 200
_SEQUENCE_HEADER = 1
# Of one that is laid out as for pictures; one for films may be longer.
_MAX_SEQUENCE_HEADER_BYTES = 128


def coded_pixels(content: bytes, start: int, end: int) -> int | None:
    """Return the pixels of all AV1 pictures that a `meta` box lists, 0 where there are none.

    Args:
        content: The file.
        start: Where the box begins.
        end: Where it ends.

    Returns:
        None where a picture is not laid out as encoders do it.

    Raises:
        struct.error, IndexError: The box is cut off.

    Source:
        ISO/IEC 14496-12 (`infe`, `iloc`); AV1 Bitstream Specification, 5.3 and 5.5.
    """
    pictures = set(_pictures(content, start, end))
    num_pixels = 0
    for name, place, length in _places(content, start, end):
        if name in pictures:
            pixels = None if place is None else _pixels_of_item(content[place : place + length])
            if pixels is None:
                return None
            num_pixels += pixels
    return num_pixels


def _found(content: bytes, kind: bytes, start: int, end: int) -> Iterator[int]:
    """Yield where the bodies of boxes of a kind begin, and of what looks like one."""
    place = start
    while (place := content.find(kind, place + 1, end)) >= 0:
        yield place + 4


def _pictures(content: bytes, start: int, end: int) -> Iterator[int]:
    """Yield the numbers of the items that are AV1 pictures."""
    for body in _found(content, b"infe", start, end):
        name, kind = struct.unpack_from(">I2x4s" if content[body] == 3 else ">H2x4s", content, body + 4)
        if kind == b"av01":
            yield name


def _places(content: bytes, start: int, end: int) -> Iterator[tuple[int, int | None, int]]:
    """Yield (number, place, length) of each item; no place where it is not in one piece of the file."""
    for body in _found(content, b"iloc", start, end):
        version, sizes = content[body], content[body + 4 : body + 6]
        size_of_offset, size_of_length = sizes[0] >> 4, sizes[0] & 15
        size_of_base, size_of_index = sizes[1] >> 4, sizes[1] & 15 if version else 0
        size_of_name = 4 if version == 2 else 2
        reader = _Fields(content, body + 6)
        for _ in range(reader.number(size_of_name)):
            name = reader.number(size_of_name)
            is_elsewhere = bool(version) and reader.number(2) & 15 != 0
            reader.number(2)
            base = reader.number(size_of_base)
            extents = []
            for _ in range(reader.number(2)):
                reader.number(size_of_index)
                extents.append((base + reader.number(size_of_offset), reader.number(size_of_length)))
            is_whole = len(extents) == 1 and not is_elsewhere
            place, length = extents[0] if is_whole else (None, 0)
            yield name, place, length or len(content)


class _Fields:
    """Reads one number of some bytes after the other."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place

    def number(self, num_bytes: int) -> int:
        begin, self._place = self._place, self._place + num_bytes
        if self._place > len(self._content):
            raise IndexError(self._place)
        return int.from_bytes(self._content[begin : self._place], "big")


def _pixels_of_item(item: bytes) -> int | None:
    """Return the pixels of the largest frame that an item's sequence headers allow; None without one."""
    place, sizes = 0, list[int | None]()
    for _ in range(_MAX_UNITS):
        if place >= len(item):
            return None if None in sizes else max((size for size in sizes if size is not None), default=None)
        head = item[place]
        place += 2 if head & 4 else 1
        length = len(item) - place
        if head & 2:
            length, place = _leb128(item, place)
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            sizes.append(_pixels_of_header(item[place : place + min(length, _MAX_SEQUENCE_HEADER_BYTES)]))
        place += length
    return None


def _leb128(item: bytes, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    number = 0
    for index in range(8):
        number |= (item[place + index] & 0x7F) << 7 * index
        if item[place + index] < 0x80:
            return number, place + index + 1
    raise IndexError(place)


def _pixels_of_header(header: bytes) -> int | None:
    # Behind the end there are zeros.
    bits, place = int.from_bytes(header.ljust(2 * _MAX_SEQUENCE_HEADER_BYTES, b"\0"), "big"), 0
    num_bits = 16 * _MAX_SEQUENCE_HEADER_BYTES

    def take(count: int) -> int:
        nonlocal place
        place += count
        return bits >> (num_bits - place) & ((1 << count) - 1)

    take(4)  # profile, still picture
    if take(1):  # the short form
        take(5)
    else:
        if take(1):  # times, as films have
            return None
        has_delays = take(1)
        for _ in range(1 + take(5)):
            take(12)
            if take(5) > 7:
                take(1)
            if has_delays and take(1):
                take(4)
    width_bits, height_bits = 1 + take(4), 1 + take(4)
    return (1 + take(width_bits)) * (1 + take(height_bits))
