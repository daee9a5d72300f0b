"""What an image costs to decode is read from its header, in each format."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from vision.formats.decoding_cost import decoding_cost


def _encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1500), "green").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_encoded("PNG"), 3),
        (_encoded("JPEG"), 1),
        (_encoded("JPEG", progressive=True), 3),
        (_encoded("WEBP", method=0), 3),
        (_encoded("WEBP", lossless=True, method=0), 3),
        (_encoded("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", method=0), 3),
        (b"\0\0\0\x1cftypavif" + bytes(40) + b"ispe\0\0\0\0" + struct.pack(">II", 3000, 1500), 3),
    ],
    ids=["png", "jpeg", "progressive", "webp", "lossless webp", "webp with exif", "avif"],
)
def test_an_image_of_four_and_a_half_megapixels_costs_its_pixels(content: bytes, expected: int) -> None:
    assert decoding_cost(content) == expected
    assert decoding_cost(content + bytes(2**20)) == expected


@pytest.mark.parametrize("content", [_encoded("PNG"), _encoded("JPEG"), _encoded("WEBP", method=0)])
def test_a_header_that_is_cut_off_anywhere_costs_one_or_what_it_says(content: bytes) -> None:
    assert {decoding_cost(content[:length]) for length in range(700)} <= {1, 3}


def test_segments_without_end_are_not_counted() -> None:
    assert decoding_cost(b"\xff\xd8" + b"\xff\xe1\0\x02" * 1_000_000) == 1
