"""From an image's bytes to all that its prediction needs, in one decode."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.decoding import ImageLimits, decode_image
from vision.preprocessing import Preprocessing

Prepare = Callable[[bytes, Preprocessing], "Prepared"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One image, decoded.

    Attributes:
        pixels: Resized and cropped, uint8 (H, W, 3); a batch of them is normalised at once.
        sha256: Of the bytes as they came.
    """

    pixels: NDArray[np.uint8]
    sha256: str


def preparer(limits: ImageLimits) -> Prepare:
    """Return a function that decodes and prepares images within the limits; it raises ImageError."""

    def prepare(content: bytes, preprocessing: Preprocessing) -> Prepared:
        return Prepared(preprocessing.pixels(decode_image(content, limits)), sha256_of(content))

    return prepare


def sha256_of(content: bytes) -> str:
    """Return the name under which bytes are stored."""
    return hashlib.sha256(content).hexdigest()
