from collections.abc import Callable

import numpy as np
from PIL import Image

from vision.adaptation.shifts import CAST, NOISE, shifted

Picture = Callable[..., Image.Image]


def test_a_shifted_picture_keeps_its_size_and_loses_its_colours(picture: Picture) -> None:
    image = picture(48, 40)
    pixels = np.asarray(shifted(image, (0, 1)), dtype=np.float64)
    assert pixels.shape == (40, 48, 3)
    # Up to rounding, each channel is the red one with less light, so that red and blue look alike.
    bright = pixels[..., 0]
    unclipped = bright < 255
    for channel in (1, 2):
        np.testing.assert_allclose(pixels[..., channel][unclipped], bright[unclipped] * CAST[channel], atol=1)


def test_the_noise_is_as_strong_as_it_says() -> None:
    grey = Image.new("RGB", (200, 200), (128, 128, 128))
    red = np.asarray(shifted(grey, (3,)), dtype=np.float64)[..., 0]
    # 40,000 draws: the sample deviation is within 2 % with p > 1 - 1e-7.
    assert abs(red.std() / NOISE - 1) < 0.03


def test_the_key_alone_decides_the_grains(picture: Picture) -> None:
    image = picture()
    first, again, other = (np.asarray(shifted(image, key)) for key in ((0, 1), (0, 1), (1, 1)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
