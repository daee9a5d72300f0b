"""Grey images have the greys of the colour images, and the same refusals."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from vision.decoding import ImageLimits, decode_grey, decode_image
from vision.errors import (
    ImageError,
    TooManyBytesError,
    TooManyPixelsError,
)
from vision.perceptual_hash import perceptual_hash

LIMITS = ImageLimits()
Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("RGB", "L", "RGBA", "P")),
        *(("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
        ("WEBP", "RGB"),
    ],
)
def test_the_grey_image_is_that_of_the_colours(
    kind: str, mode: str, encode: Encode, picture: Picture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(picture(60, 44).convert(mode), kind, exif=exif)
    grey = decode_grey(content, LIMITS)
    expected = decode_image(content, LIMITS).convert("L")
    assert (grey.mode, grey.size) == ("L", (44, 60))
    difference = np.abs(np.asarray(grey).astype(int) - np.asarray(expected).astype(int))
    # A JPEG's colours are rounded and limited to 0 to 255 before they are mixed to grey.
    assert difference.mean() <= (0.5 if (kind, mode) == ("JPEG", "RGB") else 0)


def test_greys_of_a_jpeg_and_of_its_colours_have_nearly_the_same_hash(
    encode: Encode, picture: Picture
) -> None:
    contents = [encode(picture(300, 200, seed), "JPEG", quality=80) for seed in range(40)]
    hashes = [
        (perceptual_hash(decode_grey(content, LIMITS)), perceptual_hash(decode_image(content, LIMITS)))
        for content in contents
    ]
    assert max((grey ^ colours).bit_count() for grey, colours in hashes) <= 2


@pytest.mark.parametrize(
    ("limits", "error"),
    [(ImageLimits(max_image_bytes=9), TooManyBytesError), (ImageLimits(max_pixels=9), TooManyPixelsError)],
)
def test_grey_images_have_the_same_limits(
    limits: ImageLimits, error: type[ImageError], encode: Encode, picture: Picture
) -> None:
    with pytest.raises(error):
        decode_grey(encode(picture(), "JPEG"), limits)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_has_no_colours_has_no_greys(kind: str, encode: Encode, picture: Picture) -> None:
    intact = encode(picture(60, 60), kind)
    rng = np.random.default_rng(11)
    for _ in range(200):
        damaged = bytearray(intact)
        for position in rng.integers(0, len(intact), rng.integers(1, 6)):
            damaged[position] = rng.integers(0, 256)
        damaged = damaged[: rng.integers(12, len(intact) + 1)]
        assert refuses(decode_grey, bytes(damaged)) == refuses(decode_image, bytes(damaged))


def refuses(decode: Callable[[bytes, ImageLimits], Image.Image], content: bytes) -> type[ImageError] | None:
    try:
        decode(content, LIMITS)
    except ImageError as error:
        return type(error)
    return None
