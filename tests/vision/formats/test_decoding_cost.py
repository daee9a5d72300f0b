"""What an image costs to decode is read from its header, in each format."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from vision.formats.decoding_cost import DEAREST, decoding_cost


def _encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1500), "green").save(buffer, kind, **options)
    return buffer.getvalue()


AVIF = _encoded("AVIF", speed=10)
PNG = _encoded("PNG")
PROGRESSIVE = _encoded("JPEG", progressive=True)
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _behind_the_brands(box: bytes) -> bytes:
    """Return the AVIF with a box in front of its head, and the place of its picture moved as far."""
    place = AVIF.find(b"iloc") + 18
    (length,), (offset,) = (struct.unpack_from(">I", AVIF, at) for at in (0, place))
    moved = AVIF[:place] + struct.pack(">I", offset + len(box)) + AVIF[place + 4 :]
    return moved[:length] + box + moved[length:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _behind_the_start(inserted: bytes, content: bytes = PROGRESSIVE, length: int = 2) -> bytes:
    return content[:length] + inserted + content[length:]


TINY = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PNG, 3),
        (_encoded("JPEG"), 1),
        (PROGRESSIVE, 3),
        (_encoded("WEBP", method=0), 3),
        (_encoded("WEBP", lossless=True, method=0), 3),
        (_encoded("WEBP", exif=EXIF, method=0), 3),
        (AVIF, 3),
    ],
    ids=["png", "jpeg", "progressive", "webp", "lossless webp", "webp with exif", "avif"],
)
def test_an_image_of_four_and_a_half_megapixels_costs_its_pixels(content: bytes, expected: int) -> None:
    assert decoding_cost(content) == expected
    assert decoding_cost(content + bytes(2**20)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_behind_the_start(b"\xff"), 3),
        (_behind_the_start(b"\xff" * 50), 3),
        (_behind_the_start(b"\xff" * 1_000_000), DEAREST),
        (_behind_the_start(b"\xff\xe5\0\x02" * 100), 3),
        (_behind_the_start(b"\xff\xe5\0\x02" * 205), DEAREST),
        (_behind_the_start(b"\xff\xe5\0\x00" * 205), DEAREST),
        (_behind_the_start(b"\xff\xe5\0\x02junk"), DEAREST),
        (_behind_the_start(b"\xff\xd0"), DEAREST),
        (PROGRESSIVE.replace(b"\xff\xc2", b"\xff\xc9"), 3),
        (_behind_the_brands(_box(b"free", bytes(70_000))), 3),
        (_behind_the_brands(struct.pack(">I4sQ", 1, b"free", 16)), 3),
        (_behind_the_brands(_box(b"free", b"") * 205), DEAREST),
        (_behind_the_brands(_box(b"free", b"ispe" + bytes(12))), 3),
        (_behind_the_brands(_box(b"moov", b"")), DEAREST),
        (AVIF.replace(b"meta", b"atem"), DEAREST),
        (AVIF.replace(b"ispe", b"epsi"), 3),
        (AVIF.replace(b"ispe", b"epsi").replace(b"av01", b"jpeg"), DEAREST),
        (_behind_the_start(_chunk(b"tEXt", b"a\0" + bytes(16)), PNG, 8), 3),
        (_behind_the_start(TINY, PNG, 8), 3),
        (_behind_the_start(_chunk(b"tEXt", b"a\0") * 205, PNG, 8), DEAREST),
        (_encoded("WEBP", method=0).replace(b"VP8 ", b"VP9 "), DEAREST),
    ],
)
def test_a_size_that_is_hidden_is_found_or_counts_as_the_dearest(content: bytes, expected: int) -> None:
    assert decoding_cost(content) == expected


@pytest.mark.parametrize("content", [PNG, _encoded("JPEG"), _encoded("WEBP", method=0), AVIF])
def test_a_header_that_is_cut_off_anywhere_costs_what_it_says_or_most(content: bytes) -> None:
    costs = {decoding_cost(content[:length]) for length in range(700)}
    # Under twelve bytes no format is known.
    assert costs <= {1, 3, DEAREST}
    assert DEAREST in costs


@pytest.mark.parametrize("content", [b"", b"<html>", bytes(100), b"\0\0\0\x18ftypisom" + bytes(100)])
def test_what_is_no_image_costs_least(content: bytes) -> None:
    assert decoding_cost(content) == 1
