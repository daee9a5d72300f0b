from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vision.adaptation.augmentation import NUM_VIEWS, DomainAugmentation, Views
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.preprocessing import preprocessing_for

Picture = Callable[..., Image.Image]
Encode = Callable[..., bytes]
PREPROCESSING = preprocessing_for("resnet18", 32)
PLAIN = augmented(PREPROCESSING, "none")


def variants(image: Image.Image, num: int) -> list[Tensor]:
    vary = DomainAugmentation(PLAIN, seed=0)
    return [vary(image, (0, index)) for index in range(num)]


def pixels(variant: Tensor) -> Tensor:
    """Return pixels (3, H, W) in 0 to 255, as they were before they were normalised."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (PREPROCESSING.mean, PREPROCESSING.std))
    return (variant * std + mean) * 255


def test_variants_keep_the_shape_and_range(picture: Picture) -> None:
    for level in ("none", "basic", "strong"):
        vary = DomainAugmentation(augmented(PREPROCESSING, level), seed=0)
        for index in range(20):
            variant = vary(picture(), (1, index))
            assert variant.shape == (3, 32, 32)
            assert variant.dtype == torch.float32
            assert -0.01 <= float(pixels(variant).min()) <= float(pixels(variant).max()) <= 255.01


def test_half_are_noisy_half_lose_colour_half_are_cast() -> None:
    green = Image.new("RGB", (40, 40), (60, 180, 60))
    changed = [pixels(variant) for variant in variants(green, 400)]
    num_noisy = sum(float(image.std(dim=(1, 2)).max()) > 0.5 for image in changed)
    # Binomial(400, .5) is outside of 140…260 with p < 1e-8; a few are under half a level of noise.
    assert 140 <= num_noisy <= 260
    # Red and blue are alike in the picture. A cast changes that; loss of colour, noise and blur don't.
    num_cast = sum(abs(float(image[0].mean() - image[2].mean())) > 6 for image in changed)
    assert 140 <= num_cast <= 260
    # Without a cast, the loss of colour brings green close to red: 120 levels apart become 60 or fewer.
    uncast = [image for image in changed if abs(float(image[0].mean() - image[2].mean())) <= 1]
    num_grey = sum(float(image[1].mean() - image[0].mean()) < 70 for image in uncast)
    assert 0.3 < num_grey / len(uncast) < 0.7


def test_blur_takes_the_detail_of_some() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    vary = DomainAugmentation(augmented(preprocessing_for("resnet18", 224), "none"), seed=0)
    details = [float(vary(image, (0, index)).diff(dim=2).abs().mean()) for index in range(40)]
    plain = float(PREPROCESSING.normalise(np.array(image)).diff(dim=2).abs().mean())
    assert min(details) < 0.1 * plain


def test_a_key_alone_decides_the_variant_whatever_the_order_and_the_thread(picture: Picture) -> None:
    image, keys = picture(), [(epoch, index) for epoch in range(3) for index in range(10)]
    basic = augmented(PREPROCESSING, "basic")
    first = {key: DomainAugmentation(basic, 1)(image, key) for key in keys}
    vary = DomainAugmentation(basic, 1)
    with ThreadPoolExecutor(4) as pool:
        second = dict(zip(keys[::-1], pool.map(lambda key: vary(image, key), keys[::-1]), strict=True))
    assert all(torch.equal(first[key], second[key]) for key in keys)
    assert not torch.equal(first[(0, 1)], first[(1, 1)])
    assert not torch.equal(first[(0, 1)], DomainAugmentation(basic, 2)(image, (0, 1)))


def test_views_begin_with_the_plain_pictures_and_keep_the_labels(picture: Picture, encode: Encode) -> None:
    pairs = [(encode(picture(seed=seed)), seed % 2) for seed in range(3)]
    views = Views(pairs, PLAIN, DomainAugmentation(PLAIN, 0), ImageLimits())
    assert len(views) == 3 * (1 + NUM_VIEWS)
    assert [views[item][1] for item in range(len(views))] == [0, 1, 0] * (1 + NUM_VIEWS)
    for index in range(3):
        assert torch.equal(views[index][0], PREPROCESSING.to_tensor(picture(seed=index)))
    # The views of a picture differ, and each view is the same when it is read again.
    seen = [views[1 + 3 * view][0] for view in range(1 + NUM_VIEWS)]
    assert all(not torch.equal(seen[0], other) for other in seen[1:3])
    assert torch.equal(views[4][0], seen[1])
