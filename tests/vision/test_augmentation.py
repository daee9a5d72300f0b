from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from vision.augmentation import STRENGTHS, Level, _random_box, augmented
from vision.preprocessing import preprocessing_for

Picture = Callable[..., Image.Image]
PREPROCESSING = preprocessing_for("resnet18", 32)


def test_level_none_is_what_serving_does(picture: Picture) -> None:
    image = picture()
    assert torch.equal(augmented(PREPROCESSING, "none")(image), PREPROCESSING.to_tensor(image))


@pytest.mark.parametrize("level", ["gentle", "basic", "strong"])
def test_variants_differ_and_keep_the_shape_and_range(level: Level, picture: Picture) -> None:
    vary = augmented(PREPROCESSING, level, seed=3)
    variants = [vary(picture()) for _ in range(20)]
    assert all(variant.shape == (3, 32, 32) and variant.dtype == torch.float32 for variant in variants)
    assert not torch.equal(variants[0], variants[1])
    black, white = (
        PREPROCESSING.to_tensor(Image.new("RGB", (4, 4), colour)) for colour in ("black", "white")
    )
    assert all((variant >= black - 1e-5).all() and (variant <= white + 1e-5).all() for variant in variants)


def test_a_key_alone_decides_the_variant_whatever_the_order_and_the_thread(picture: Picture) -> None:
    keys = [(epoch, index) for epoch in range(3) for index in range(10)]
    first = {key: augmented(PREPROCESSING, "strong", seed=1)(picture(), key) for key in keys}
    vary = augmented(PREPROCESSING, "strong", seed=1)
    with ThreadPoolExecutor(4) as pool:
        second = dict(zip(keys[::-1], pool.map(lambda key: vary(picture(), key), keys[::-1]), strict=True))
    assert all(torch.equal(first[key], second[key]) for key in keys)
    assert not torch.equal(first[(0, 1)], first[(1, 1)])
    assert not torch.equal(first[(0, 1)], augmented(PREPROCESSING, "strong", seed=2)(picture(), (0, 1)))


def test_gentle_never_mirrors_and_basic_does_half_the_time() -> None:
    # It is dark on the left and bright on the right; mirrored, it is the other way round.
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], (32, 1, 3)))

    def num_mirrored(level: Level) -> int:
        vary = augmented(PREPROCESSING, level, seed=0)
        return sum(
            int(variant[:, :, 0].mean() > variant[:, :, -1].mean())
            for variant in (vary(ramp) for _ in range(200))
        )

    assert num_mirrored("gentle") == 0
    # Binomial(200, .5) is outside of 70…130 with p < 3e-5.
    assert 70 <= num_mirrored("basic") <= 130


def test_strong_alone_rotates_and_opened_corners_get_the_mean_colour() -> None:
    # It is dark above and bright below: only a rotation makes one side of a row brighter than the other.
    ramp = Image.fromarray(np.tile(np.arange(96, 160, 2, dtype=np.uint8)[:, None, None], (1, 32, 3)))

    def slopes(level: Level) -> list[float]:
        vary = augmented(PREPROCESSING, level, seed=0)
        variants = [vary(ramp)[0, 8:24] for _ in range(30)]
        return [abs(float(rows[:, 24].mean() - rows[:, 8].mean())) for rows in variants]

    assert max(slopes("gentle") + slopes("basic")) < 0.02
    assert max(slopes("strong")) > 0.1
    grey = Image.new("RGB", (32, 32), (120, 120, 120))
    turned = augmented(PREPROCESSING, "strong", seed=0)(grey)
    assert float(turned[0].std()) < 1e-6


@pytest.mark.parametrize("size", [(1600, 900), (300, 900), (64, 64)])
def test_variants_of_a_long_picture_are_not_squeezed(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for strength in STRENGTHS.values():
        for _ in range(200):
            left, upper, right, lower = _random_box(*size, strength, rng)
            assert 0 <= left < right <= size[0]
            assert 0 <= upper < lower <= size[1]
            most = 1.01 * strength.max_ratio
            assert 1 / most < (right - left) / (lower - upper) < most
