"""Scikit-learn's handwritten digits as PNG files: 1,797 real scans that come with the installation."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

from transfer.settings import TrainSettings
from vision.transfer_settings import TransferSettings

IMAGE_SIZE = 32
NUM_EPOCHS = 5
_WHITE = 255
# The scans have 17 levels of grey.
_LEVELS = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """One handwritten digit: grey values of shape (8, 8) in [0, 1], where ink is 1, and its class name."""

    ink: NDArray[np.float64]
    label: str
    number: int

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"digit-{self.number:04d}.png"

    def png(self) -> bytes:
        """Return the scan without drift: dark ink on white paper, 32 × 32 pixels."""
        return png_of(picture(self.ink))


def load_scans() -> list[Scan]:
    """Return all scans in a random order, which is the same at every call."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    return [
        Scan(digits.images[number] / _LEVELS, f"digit {digits.target[number]}", int(number))
        for number in order
    ]


def picture(ink: NDArray[np.float64]) -> Image.Image:
    """Return ink, shape (8, 8), as a picture of dark ink on white paper, 32 × 32 pixels."""
    grey = Image.fromarray((_WHITE - np.clip(ink, 0, 1) * _WHITE).astype(np.uint8))
    return grey.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)


def png_of(image: Image.Image) -> bytes:
    """Return a picture as a PNG file in RGB."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def drifted_png(scan: Scan, rng: np.random.Generator) -> bytes:
    """Return the scan as another office would deliver it: bold pen, slanted hand, grey and noisy paper."""
    slant = rng.uniform(0.25, 0.45)
    bold = picture(scan.ink).filter(ImageFilter.MinFilter(3))
    middle = slant * IMAGE_SIZE / 2
    slanted = bold.transform(
        bold.size,
        Image.Transform.AFFINE,
        (1, slant, -middle, 0, 1, 0),
        resample=Image.Resampling.BILINEAR,
        fillcolor=_WHITE,
    )
    grey = np.asarray(slanted, dtype=np.float64)
    paper = rng.uniform(0.55, 0.75)
    noisy = grey * paper + rng.normal(0, 22, grey.shape)
    return png_of(Image.fromarray(np.clip(noisy, 0, _WHITE).astype(np.uint8)))


def digits_transfer(settings: TrainSettings) -> TransferSettings:
    """Return the settings that train a classifier of the digits from scratch in about half a minute."""
    return TransferSettings(
        weights="none",
        image_size=IMAGE_SIZE,
        epochs=NUM_EPOCHS,
        # Larger batches would be too few steps with so few scans.
        batch_size=32,
        learning_rate=1e-3,
        augmentation="gentle",
        num_threads=settings.num_threads,
    )
