"""Corruptions of small photographs as CIFAR-10-C has them, at severity 4 of 5.

Source: Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", ICLR 2019, with the parameters of their CIFAR-10-C.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photographs import Photograph

Pixels = NDArray[np.floating]
Corruption = Callable[[Pixels, np.random.Generator], Pixels]


def fog(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Mix in a plasma fractal."""
    strength, decay = 1.0, 2.0
    size = pixels.shape[0]
    brightest = pixels.max()
    foggy = pixels + strength * _plasma(size, decay, rng)[:size, :size, None]
    return np.asarray(foggy * brightest / (brightest + strength))


def motion_blur(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Smear along a direction, with weights that fall like half a Gaussian."""
    radius, sigma = 8, 2.0
    angle = np.deg2rad(rng.uniform(-45, 45))
    weights = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(pixels, ((16, 16), (16, 16), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    blurred = np.zeros_like(pixels)
    for step, weight in enumerate(weights):
        down, right = 16 + round(step * np.sin(angle)), 16 + round(step * np.cos(angle))
        blurred += weight * padded[down : down + height, right : right + width]
    return blurred


def noise(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise."""
    return pixels + rng.normal(scale=0.09, size=pixels.shape)


def contrast(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Move all values towards their mean."""
    means = pixels.mean(axis=(0, 1), keepdims=True)
    return np.asarray((pixels - means) * 0.3 + means)


CORRUPTIONS: dict[str, Corruption] = {
    "fog": fog,
    "motion_blur": motion_blur,
    "noise": noise,
    "contrast": contrast,
}


def corrupted(photograph: Photograph, name: str, rng: np.random.Generator) -> Photograph:
    """Return a photograph as it looks under a corruption."""
    image = Image.open(io.BytesIO(photograph.content)).convert("RGB")
    pixels = CORRUPTIONS[name](np.asarray(image, dtype=np.float64) / 255, rng)
    buffer = io.BytesIO()
    Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return Photograph(buffer.getvalue(), photograph.label)


def _plasma(size: int, decay: float, rng: np.random.Generator) -> Pixels:
    """Return heights in [0, 1] by the diamond-square algorithm; the side is a power of 2."""
    side = 1 << (size - 1).bit_length()
    heights = np.zeros((side, side))
    step, roughness = side, 1.0

    def jittered(sums: Pixels) -> Pixels:
        return sums / 4 + roughness * rng.uniform(-1, 1, sums.shape)

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        squares = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = jittered(squares + np.roll(squares, -1, axis=1))
        centres = heights[half::step, half::step]
        pairs = centres + np.roll(centres, 1, axis=0)
        heights[::step, half::step] = jittered(pairs + corners + np.roll(corners, -1, axis=1))
        pairs = centres + np.roll(centres, 1, axis=1)
        heights[half::step, ::step] = jittered(pairs + corners + np.roll(corners, -1, axis=0))
        step, roughness = half, roughness / decay
    heights -= heights.min()
    return np.asarray(heights / heights.max())
