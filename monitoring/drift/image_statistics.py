"""Says in words how two groups of images differ: darker, blurrier, another size."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import ndtr

from monitoring.errors import TooFewEmbeddingsError

Values = NDArray[np.float64]

_MAX_PIXELS = 256
# The first entry of a quantisation table at quality 50, by which others are scaled (ITU-T T.81, annex K).
_TABLE_AT_50 = 16.0
#: A statistic is spoken of if an image of one group beats one of the other in so many of all pairs, ...
CLEAR = 0.7
# ... and chance would do that in so few cases, shared among all statistics.
_CHANCE = 0.01
_MIN_IMAGES = 5
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
#: Changes in per cent smaller than this are not spoken of, however sure they are.
_MIN_PERCENT = 5.0


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """What can be measured of one image without knowing what it shows.

    Attributes:
        brightness: The mean of the luma, in [0, 1].
        contrast: Its standard deviation.
        sharpness: The mean absolute difference of neighbouring pixels over the contrast.
        noise: The median absolute second difference of neighbours, over 255: what edges don't explain.
        saturation: The mean of the largest less the smallest channel, in [0, 1].
        warmth: The mean of red less blue, in [-1, 1].
        greenness: The mean of green less that of red and blue, in [-1, 1].
        pixels: Width times height.
        aspect: Width over height.
        jpeg_quality: From 1 to 100 as encoders count it, NaN for other formats.
    """

    brightness: float
    contrast: float
    sharpness: float
    noise: float
    saturation: float
    warmth: float
    greenness: float
    pixels: float
    aspect: float
    jpeg_quality: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One statistic that moved clearly.

    Attributes:
        statistic: The field of `ImageStatistics`.
        words: Such as "darker by 38 %".
        before: The median of the first group.
        after: The median of the second.
        effect: How often an image of the second group has more than one of the first, in [0, 1]: 0.5 is no
            difference.
    """

    statistic: str
    words: str
    before: float
    after: float
    effect: float


# Words for less and for more; those of a pair without a scale are said without a number.
_WORDS: dict[str, tuple[str, str, bool]] = {
    "brightness": ("darker", "brighter", True),
    "contrast": ("less contrast", "more contrast", True),
    "sharpness": ("blurrier", "sharper", True),
    "noise": ("less noisy", "noisier", True),
    "saturation": ("paler colours", "stronger colours", True),
    "warmth": ("bluer", "more orange", False),
    "greenness": ("more purple", "greener", False),
    "pixels": ("fewer pixels", "more pixels", True),
    "aspect": ("narrower", "wider", True),
    "jpeg_quality": ("more compressed", "less compressed", False),
}


def measure(image: Image.Image) -> ImageStatistics:
    """Return the statistics of an opened image.

    Large images are shrunk first. A file's JPEG quality is read from its quantisation table, so it is known
    only of an image as it was opened, before it is converted.
    """
    quality = _jpeg_quality(image)
    width, height = image.size
    rgb = image.convert("RGB")
    rgb.thumbnail((_MAX_PIXELS, _MAX_PIXELS))
    pixels = np.asarray(rgb, dtype=np.float64) / 255
    red, green, blue = (pixels[..., channel] for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    contrast = float(luma.std())
    return ImageStatistics(
        brightness=float(luma.mean()),
        contrast=contrast,
        sharpness=_mean_step(luma) / max(contrast, 1e-3),
        noise=_noise(luma),
        saturation=float((pixels.max(axis=2) - pixels.min(axis=2)).mean()),
        warmth=float((red - blue).mean()),
        greenness=float((green - (red + blue) / 2).mean()),
        pixels=float(width * height),
        aspect=width / height,
        jpeg_quality=quality,
    )


def differences(
    before: Sequence[ImageStatistics], after: Sequence[ImageStatistics]
) -> tuple[Difference, ...]:
    """Return what moved clearly from one group to another, most moved first.

    A statistic moved clearly where at least 70 % of all pairs order alike, chance would hardly do it
    (Mann and Whitney's test, at 1 % over all statistics), and the medians differ by 5 % at least.

    Args:
        before: Of images as they were, five at least.
        after: Of the others, five at least.

    Raises:
        TooFewEmbeddingsError: A group has fewer than five images.

    Source:
        Mann and Whitney, "On a Test of Whether One of Two Random Variables Is Stochastically Larger than the
        Other", Annals of Mathematical Statistics 1947; the effect is U over the number of pairs.
    """
    if min(len(before), len(after)) < _MIN_IMAGES:
        raise TooFewEmbeddingsError(
            f"Expected {_MIN_IMAGES} images at least in each group; got {len(before)} and {len(after)}."
        )
    first, second = (np.array([astuple(each) for each in group]) for group in (before, after))
    names = [each.name for each in fields(ImageStatistics)]
    compared = [_compared(name, first[:, n], second[:, n]) for n, name in enumerate(names)]
    moved = [each for each in compared if each is not None]
    return tuple(sorted(moved, key=lambda each: -abs(each.effect - 0.5)))


def in_words(moved: Sequence[Difference], most: int = 3) -> str:
    """Return the differences as one phrase, empty where nothing moved clearly.

    >>> in_words([Difference("brightness", "darker by 38 %", 0.5, 0.31, 0.1)])
    'darker by 38 %'
    """
    return ", ".join(each.words for each in moved[:most])


def _compared(name: str, before: Values, after: Values) -> Difference | None:
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(before), len(after)) < _MIN_IMAGES:
        return None
    effect, chance = _order(before, after)
    old, new = float(np.median(before)), float(np.median(after))
    percent = 100 * (new - old) / max(abs(old), 1e-9)
    less, more, has_scale = _WORDS[name]
    is_clear = max(effect, 1 - effect) >= CLEAR and chance <= _CHANCE / len(_WORDS)
    if not is_clear or (has_scale and abs(percent) < _MIN_PERCENT):
        return None
    words = more if effect > 0.5 else less
    return Difference(name, words + (_amount(percent) if has_scale else ""), old, new, effect)


def _order(before: Values, after: Values) -> tuple[float, float]:
    """Return the share of pairs in which the later one is more, and how likely chance orders them so.

    Chance by the normal approximation: SciPy's test would cost the learner 53 MiB.

    >>> _order(np.arange(10.0), np.arange(10.0))[0]
    0.5
    """
    in_order = np.sort(before)
    less, up_to = (np.searchsorted(in_order, after, side) for side in _SIDES)
    effect = float(np.mean(less + up_to)) / (2 * len(before))
    deviation = np.sqrt((len(before) + len(after) + 1) / (12 * len(before) * len(after)))
    return effect, float(2 * ndtr(-abs(effect - 0.5) / deviation))


def _amount(percent: float) -> str:
    """Return by how much, in words that stay short.

    >>> _amount(-38.2), _amount(250.0)
    (' by 38 %', ' (3.5 times)')
    """
    return f" by {abs(percent):.0f} %" if percent < 100 else f" ({1 + percent / 100:.2g} times)"


def _mean_step(luma: Values) -> float:
    steps = [np.abs(np.diff(luma, axis=axis)) for axis in (0, 1) if luma.shape[axis] > 1]
    return float(np.mean([each.mean() for each in steps])) if steps else 0.0


def _noise(luma: Values) -> float:
    seconds = [np.abs(np.diff(luma, n=2, axis=axis)) for axis in (0, 1) if luma.shape[axis] > 2]
    return float(np.mean([np.median(each) for each in seconds])) if seconds else 0.0


def _jpeg_quality(image: Image.Image) -> float:
    """Return the quality that libjpeg would have been given for such a table."""
    tables = getattr(image, "quantization", None)
    if not tables or 0 not in tables:
        return float("nan")
    scale = 100 * tables[0][0] / _TABLE_AT_50
    return float(np.clip(5000 / scale if scale > 100 else 100 - scale / 2, 1, 100))
