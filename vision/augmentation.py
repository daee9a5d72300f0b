"""Makes random variants of training images, with the same resampling and normalisation as in serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vision.preprocessing import Box, Preprocessing

Level = Literal["none", "gentle", "basic", "strong"]

#: Weight of each channel in the grey of a pixel.
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Strength:
    """How far variants go.

    Attributes:
        min_area: Smallest share that a crop keeps of the largest square in the image.
        max_ratio: A crop's sides are stretched by up to this factor against each other.
        mirrors: Whether half of the variants are mirrored.
        jitter: Largest relative change of brightness, contrast and saturation.
        rotation: Largest angle, in degrees either way; corners that open get the variant's mean colour.
    """

    min_area: float
    max_ratio: float
    mirrors: bool
    jitter: float
    rotation: float = 0.0


STRENGTHS: dict[Level, Strength] = {
    # For digits, letters and all else that means something different when it is mirrored.
    "gentle": Strength(min_area=0.75, max_ratio=1.15, mirrors=False, jitter=0.1),
    "basic": Strength(min_area=0.5, max_ratio=4 / 3, mirrors=True, jitter=0.0),
    "strong": Strength(min_area=0.3, max_ratio=4 / 3, mirrors=True, jitter=0.4, rotation=15.0),
}


class Variation(Protocol):
    """Makes a tensor of an RGB image and a key, the same one for the same key."""

    def __call__(self, image: Image.Image, key: Sequence[int] | None = None) -> Tensor:
        """Return float32 (3, image_size, image_size)."""


class Augmentation:
    """Makes a random variant of an RGB image, as an input tensor."""

    def __init__(self, preprocessing: Preprocessing, strength: Strength | None, seed: int) -> None:
        self.preprocessing = preprocessing
        self._strength = strength
        self._seed = seed
        self._rng = np.random.default_rng(seed)

    def __call__(self, image: Image.Image, key: Sequence[int] | None = None) -> Tensor:
        """Return a variant, float32 (3, image_size, image_size).

        Args:
            image: RGB, of any size.
            key: Numbers, such as epoch and index, that decide the variant together with the seed, so that
                neither the order of the calls nor their threads matter; None draws the next one.
        """
        rng = self._rng if key is None else np.random.default_rng([self._seed, *key])
        return self.preprocessing.normalise(self.pixels(image, rng))

    def pixels(self, image: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Return a variant before it is normalised: (image_size, image_size, 3), in 0 to 255."""
        if self._strength is None:
            return self.preprocessing.pixels(image)
        box = _random_box(image.width, image.height, self._strength, rng)
        pixels = self.preprocessing.resample(image, box)
        if self._strength.mirrors and rng.random() < 0.5:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        if self._strength.rotation > 0:
            pixels = _rotated(pixels, rng.uniform(-self._strength.rotation, self._strength.rotation))
        return _jittered(pixels, self._strength.jitter, rng) if self._strength.jitter > 0 else pixels


def augmented(preprocessing: Preprocessing, level: Level, seed: int = 0) -> Augmentation:
    """Return the random variants of one level; "none" gives `preprocessing.to_tensor` itself."""
    return Augmentation(preprocessing, STRENGTHS.get(level), seed)


def _random_box(width: int, height: int, strength: Strength, rng: np.random.Generator) -> Box:
    # Nearly square, as in serving, so that pictures of any shape are not squeezed.
    side = min(width, height)
    area = rng.uniform(strength.min_area, 1.0) * side * side
    log_ratio = np.log(strength.max_ratio)
    ratio = np.exp(rng.uniform(-log_ratio, log_ratio))
    box_width = min(float(width), float(np.sqrt(area * ratio)))
    box_height = min(float(height), float(np.sqrt(area / ratio)))
    left, upper = rng.uniform(0, width - box_width), rng.uniform(0, height - box_height)
    return left, upper, min(left + box_width, float(width)), min(upper + box_height, float(height))


def _rotated(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    red, green, blue = (round(mean) for mean in pixels.mean(axis=(0, 1)))
    turned = Image.fromarray(pixels).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=(red, green, blue))
    return np.array(turned, dtype=np.uint8)


def _jittered(pixels: NDArray[np.uint8], jitter: float, rng: np.random.Generator) -> NDArray[np.float32]:
    brightness, contrast, saturation = rng.uniform(1 - jitter, 1 + jitter, size=3).astype(np.float32)
    values = pixels.astype(np.float32) * brightness
    grey = values @ GREY
    values = grey[..., None] + saturation * (values - grey[..., None])
    clipped: NDArray[np.float32] = np.clip(grey.mean() + contrast * (values - grey.mean()), 0.0, 255.0)
    return clipped
