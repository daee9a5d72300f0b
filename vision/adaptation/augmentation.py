"""Makes random changes that a shift of domain may bring: no colours, other light, blur and noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from vision.augmentation import GREY, Augmentation
from vision.decoding import ImageLimits, decode_image
from vision.image_set import ImageSource

#: Variants of each picture that the linear probe is solved on, beside the plain one.
NUM_VIEWS = 4

# Each change is made to this share of the variants, independently of the others.
_SHARE = 0.5
# The smallest share of its light that a cast leaves a channel.
_MIN_LIGHT = 0.2
# The largest standard deviations: of noise in levels of 0 to 255, of blur as a share of the side.
_MAX_NOISE = 40.0
_MAX_BLUR = 0.008


class DomainAugmentation:
    """Makes a variant of an RGB image as another domain might show it, as an input tensor.

    Another augmentation crops and mirrors the image. Then blur, loss of colour, a colour cast and noise are
    added, each in half of the variants and with a random strength.

    Source:
        Geirhos et al., "ImageNet-trained CNNs are biased towards texture", ICLR 2019, and Rusak et al., "A
        simple way to make neural networks robust against diverse image corruptions", ECCV 2020, who train on
        noise; the changes and strengths are ours.
    """

    def __init__(self, augmentation: Augmentation, seed: int) -> None:
        self._augmentation = augmentation
        self._seed = seed
        self._rng = np.random.default_rng(seed)

    def __call__(self, image: Image.Image, key: Sequence[int] | None = None) -> Tensor:
        """Return a variant, float32 (3, image_size, image_size).

        Args:
            image: RGB, of any size.
            key: Numbers, such as epoch and index, that decide the variant together with the seed; None draws
                the next one.
        """
        rng = self._rng if key is None else np.random.default_rng([self._seed, *key])
        pixels = self._augmentation.pixels(image, rng).astype(np.float32)
        return self._augmentation.preprocessing.normalise(_changed(pixels, rng))


class Views:
    """Each picture several times, as it is served and as variants, for a probe, which sees each item once.

    The first N items are the pictures as they are served; item v · N + i is the variant (v, i) of picture i.
    """

    def __init__(
        self, source: ImageSource, plain: Augmentation, variation: DomainAugmentation, limits: ImageLimits
    ) -> None:
        self._source = source
        self._plain = plain
        self._variation = variation
        self._limits = limits

    def __len__(self) -> int:
        return len(self._source) * (1 + NUM_VIEWS)

    def __getitem__(self, item: int) -> tuple[Tensor, int]:
        view, index = divmod(item, len(self._source))
        content, label = self._source[index]
        image = decode_image(content, self._limits)
        return self._plain(image) if view == 0 else self._variation(image, (view, index)), label


def _changed(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    blurs, greys, casts, is_noisy = rng.random(4) < _SHARE
    if blurs:
        blur = ImageFilter.GaussianBlur(rng.uniform(0.0, _MAX_BLUR) * len(pixels))
        pixels = np.array(Image.fromarray(pixels.astype(np.uint8)).filter(blur), dtype=np.float32)
    if greys:
        grey: NDArray[np.float32] = (pixels @ GREY)[..., None]
        pixels = grey + np.float32(rng.uniform(0.0, 0.5)) * (pixels - grey)
    if casts:
        pixels = pixels * rng.uniform(_MIN_LIGHT, 1.0, size=3).astype(np.float32)
    if is_noisy:
        pixels = pixels + _noise(pixels.shape, rng)
    clipped: NDArray[np.float32] = np.clip(pixels, 0.0, 255.0).astype(np.float32)
    return clipped


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return noise that differs between the channels or is the same in all, each in half of the cases."""
    num_channels = 1 if rng.random() < 0.5 else shape[2]
    return rng.normal(0.0, rng.uniform(0.0, _MAX_NOISE), (*shape[:2], num_channels)).astype(np.float32)
