"""Reads which colour of a PNG is transparent as the PNG means it, where Pillow does not."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_TRANSPARENCY = "transparency"
_DEEP = "deep_transparency"
# By the name of how Pillow unpacks them.
_HIGHEST_GREY = {"L;2": 3, "L;4": 15, "L": 255}


@dataclass(frozen=True, slots=True)
class DeepTransparency:
    """The transparent colour of a PNG of three times 16 bits, of which Pillow keeps the high bytes only."""

    content: bytes
    colour: tuple[int, int, int]

    def is_transparent(self, image: Image.Image) -> NDArray[np.bool_]:
        """Return (height, width) whether each pixel has all 48 bits of the colour.

        Raises:
            OSError, ValueError, SyntaxError: The pixels can't be decoded.
        """
        high, low = np.asarray(image), np.asarray(self._low_bytes())
        is_equal = np.ones(high.shape[:2], dtype=np.bool_)
        # One channel after the other, since a picture may have 50 million pixels.
        for channel, level in enumerate(self.colour):
            is_equal &= high[:, :, channel] == level >> 8
            is_equal &= low[:, :, channel] == level & 255
        return is_equal

    def _low_bytes(self) -> Image.Image:
        image = PngImageFile(BytesIO(self.content))
        # As if each pair of bytes were the other way round: then Pillow keeps the low one.
        image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
        image.load()
        return image


def open_png(content: bytes) -> PngImageFile:
    """Open a PNG; `deep_transparency` tells what its `info` can't.

    Pillow scales grey of 2 and 4 bits to 8, but not the transparent level, which is scaled here. The bits
    of it past the depth mean nothing.

    Raises:
        OSError, ValueError, SyntaxError: The header can't be read.
    """
    image = PngImageFile(BytesIO(content))
    packing = str(image.tile[0].args) if image.tile else ""
    transparent = image.info.get(_TRANSPARENCY)
    if (highest := _HIGHEST_GREY.get(packing)) is not None and isinstance(transparent, int):
        image.info[_TRANSPARENCY] = (transparent & highest) * 255 // highest
    if packing == "RGB" and isinstance(transparent, tuple):
        image.info[_TRANSPARENCY] = tuple(level & 255 for level in transparent)
    if packing == "RGB;16B" and isinstance(transparent, tuple):
        red, green, blue = image.info.pop(_TRANSPARENCY)
        image.info[_DEEP] = DeepTransparency(content, (red, green, blue))
    return image


def deep_transparency(image: Image.Image) -> DeepTransparency | None:
    """Return the transparent colour of an image that `open_png` opened, if it has 16 bits a channel."""
    deep = image.info.get(_DEEP)
    return deep if isinstance(deep, DeepTransparency) else None
