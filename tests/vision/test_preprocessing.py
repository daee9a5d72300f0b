import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from vision.decoding import ImageLimits, decode_image
from vision.errors import CorruptArtifactError, EmptyImageError, ImageSizeError, UnknownBackboneError
from vision.preprocessing import Preprocessing, prepare, preprocessing_for
from vision.weights.hub import imagenet_weights

Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "efficientnet_b0", "efficientnet_b1", "vgg16"])
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (256, 256), (301, 240), (100, 60), (640, 641)])
def test_it_equals_the_transforms_of_the_pretrained_weights(
    backbone: str, size: tuple[int, int], picture: Picture
) -> None:
    image = picture(*size)
    expected = imagenet_weights(backbone).transforms()(image)
    tensor = preprocessing_for(backbone).to_tensor(image)
    assert tensor.shape == expected.shape
    # One grey level is 1 / (255 · .225) = .0174.
    assert (tensor - expected).abs().max() < 0.036
    assert (tensor - expected).abs().mean() < 0.001


def test_a_very_large_image_is_reduced_first_and_differs_little(picture: Picture) -> None:
    image = picture(3000, 2000)
    expected = imagenet_weights("resnet18").transforms()(image)
    assert (preprocessing_for("resnet18").to_tensor(image) - expected).abs().mean() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 7), (10_000, 4)])
def test_any_size_and_shape_of_image_gives_one_small_tensor(size: tuple[int, int]) -> None:
    begun = time.monotonic()
    tensor = preprocessing_for("resnet18").to_tensor(Image.new("RGB", size, (124, 116, 104)))
    assert tensor.shape == (3, 224, 224)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert tensor.abs().max() < 0.02
    assert time.monotonic() - begun < 5


def test_another_image_size_scales_the_resize() -> None:
    assert preprocessing_for("resnet18", 112).resize_size == 128
    assert preprocessing_for("resnet50", 112).resize_size == 116
    assert preprocessing_for("resnet18", 128).resize_size == 146


def test_a_tiny_square_image_keeps_its_border(picture: Picture) -> None:
    preprocessing = preprocessing_for("resnet18", 32)
    assert preprocessing.resize_size == 32
    image = picture(32, 32)
    np.testing.assert_array_equal(
        preprocessing.resample(image, preprocessing.centre_box(32, 32)), np.asarray(image)
    )


def test_a_size_that_the_backbone_cannot_take_is_refused() -> None:
    with pytest.raises(ImageSizeError, match="alexnet takes images of 63 pixels or more, got 32"):
        preprocessing_for("alexnet", 32)
    with pytest.raises(UnknownBackboneError):
        preprocessing_for("resnet19")


def test_normalising_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    preprocessing = Preprocessing(2, 2, mean=(0.5, 0.0, 1.0), std=(0.5, 1.0, 2.0))
    tensor = preprocessing.to_tensor(Image.new("RGB", (2, 2), (255, 51, 0)))
    torch.testing.assert_close(tensor[:, 0, 0], torch.tensor([1.0, 0.2, -0.5]))


def test_training_and_serving_get_the_same_tensor_from_the_same_bytes(
    encode: Encode, picture: Picture
) -> None:
    preprocessing, limits = preprocessing_for("resnet18", 64), ImageLimits()
    content = encode(picture(1500, 1400), "JPEG")
    served = prepare(content, preprocessing, limits)
    assert torch.equal(served, preprocessing.to_tensor(decode_image(content, limits)))
    with pytest.raises(EmptyImageError):
        prepare(b"", preprocessing, limits)


def test_it_survives_json() -> None:
    preprocessing = preprocessing_for("efficientnet_b0", 160)
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 0},
        {"image_size": "224"},
        {"image_size": 300},
        {"mean": [0.5, 0.5]},
        {"mean": None},
        {"std": [0.0, 1.0, 1.0]},
        {"interpolation": "magic"},
        {"colour": "blue"},
    ],
)
def test_impossible_fields_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(CorruptArtifactError):
        Preprocessing.from_json({**preprocessing_for("resnet18").to_json(), **change})


def test_a_batch_is_normalised_as_its_images_are(picture: Picture) -> None:
    preprocessing = preprocessing_for("resnet18", 64)
    images = [picture(80, 90, seed=seed) for seed in range(3)]
    batch = preprocessing.normalise(np.stack([preprocessing.pixels(image) for image in images]))
    assert batch.is_contiguous()
    assert torch.equal(batch, torch.stack([preprocessing.to_tensor(image) for image in images]))
