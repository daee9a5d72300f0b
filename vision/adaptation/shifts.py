"""Simulates a fixed, strong shift of domain: the picture looks as if a cheap night camera had taken it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from vision.augmentation import GREY

#: Share of its light that each channel keeps of the grey picture: a strong cast of orange.
CAST = (1.0, 0.62, 0.25)
#: Standard deviation of the noise, in levels of 0 to 255.
NOISE = 25.0


def shifted(image: Image.Image, key: Sequence[int]) -> Image.Image:
    """Return the picture without its colours, with noise and a colour cast.

    The picture is made grey, Gaussian noise is added that is the same in all channels, then the cast. The
    strengths are fixed, so that all pictures move to one domain; only the noise differs.

    Args:
        image: RGB, of any size; it keeps its size.
        key: Numbers, such as seed and index, that alone decide the noise.

    Source:
        The shifts of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
        and Perturbations", ICLR 2019, with a cast besides.
    """
    grey = np.asarray(image, dtype=np.float32) @ GREY
    grains = np.random.default_rng(list(key)).normal(0.0, NOISE, grey.shape).astype(np.float32)
    cast = (grey + grains)[..., None] * np.array(CAST, dtype=np.float32)
    return Image.fromarray(np.clip(cast, 0, 255).astype(np.uint8))
