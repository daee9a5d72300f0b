"""The size that a picture is coded in is found, whatever size the container announces."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from vision.decoding import ImageLimits, decode_image
from vision.formats.av1_sizes import coded_pixels
from vision.formats.decoding_cost import DEAREST, decoding_cost


def avif(width: int, height: int, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height), (1, 2, 3, 4)[: len(mode)]).save(buffer, "AVIF", speed=10, **options)
    return buffer.getvalue()


def coded(content: bytes) -> int | None:
    start = content.find(b"meta") - 4
    return coded_pixels(content, start, start + int.from_bytes(content[start : start + 4], "big"))


def announcing(content: bytes, width: int, height: int) -> bytes:
    """Return a picture that says another size than it has."""
    place = content.find(b"ispe") + 8
    return content[:place] + struct.pack(">II", width, height) + content[place + 8 :]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 48), (199, 151), (3000, 7)])
@pytest.mark.parametrize(
    "options", [{}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}], ids=["plain", "exif"]
)
def test_a_picture_is_coded_in_its_size(width: int, height: int, options: dict[str, Any]) -> None:
    assert coded(avif(width, height, **options)) == width * height


def test_a_transparent_picture_is_two() -> None:
    assert coded(avif(200, 100, "RGBA")) == 2 * 200 * 100


def test_a_picture_that_announces_a_smaller_size_costs_what_it_is_coded_in() -> None:
    forged = announcing(avif(3000, 1500), 8, 8)
    assert decode_image(forged, ImageLimits()).size == (8, 8)
    assert decoding_cost(forged) == 3


def test_a_picture_without_a_sequence_header_costs_most() -> None:
    content = avif(64, 48)
    place = content.find(b"mdat") + 4
    # Its units: the end of a time unit, then the header.
    assert content[place : place + 3] == b"\x12\0\x0a"
    hidden = content[: place + 2] + b"\x7a" + content[place + 3 :]
    assert coded(hidden) is None
    assert decoding_cost(hidden) == DEAREST


def test_a_picture_in_another_place_than_the_file_costs_most() -> None:
    content = avif(64, 48)
    place = content.find(b"iloc") + 4
    # Two extents, where an item of version 0 names one: the second one begins behind the box.
    forged = bytearray(content)
    at = place + 6 + 2 + 2 + 2
    assert forged[at : at + 2] == b"\0\1"
    forged[at + 1] = 2
    assert coded(bytes(forged)) is None


def test_what_is_no_meta_box_has_no_pictures() -> None:
    assert coded_pixels(bytes(1000), 0, 1000) == 0
