"""ResNets in 8-bit integers: nearly the same answers, from rounded weights and activations."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from tests.vision.engines.networks import plain_network
from vision.engines.engine import Answering
from vision.engines.folding import folded
from vision.engines.precision import has_int8
from vision.engines.quantizing import IMAGES, Grid, Quantized, _halved, is_quantizable, observe, quantize
from vision.ensemble import as_ensemble
from vision.network import build_classifier

# Without these instructions a sum of two products is cut off at 16 bits.
sums_are_exact = pytest.mark.skipif(not has_int8(), reason="this processor has no VNNI")


def quantized(plain: Answering, images: Tensor) -> Answering:
    network = deepcopy(plain)
    quantize(network, observe(plain, images))
    return network


def smooth_images(num: int, size: int = 64) -> Tensor:
    coarse = torch.randn(num, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")


@sums_are_exact
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_embeddings_differ_by_little_from_those_in_float32(backbone: str) -> None:
    plain, images = plain_network(backbone), smooth_images(8)
    network = quantized(plain, images)
    unseen = smooth_images(12)[8:]
    with torch.inference_mode():
        for given in (images, unseen):
            found, wanted = network(given)[1], plain(given)[1]
            assert found.dtype == torch.float32
            error = (found - wanted).square().mean().sqrt() / wanted.std()
            assert 0 < float(error) < 0.1


@sums_are_exact
def test_a_convolution_sums_its_rounded_numbers_exactly() -> None:
    """Compared with the same sum in float64, for a grid with an offset and for borders."""
    plain = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    given, grid = Grid(0.02, 100), Grid(0.05, 0)
    layer = Quantized(plain, given, grid, has_relu=True)
    images = torch.randn(2, 3, 15, 20)
    with torch.inference_mode():
        found = layer(given.round(images))
        weight = layer.weight.double() * layer.scale.double()[:, None, None, None]
        numbers = (given.round(images).double() - given.zero_point) * given.scale
        exact = nn.functional.conv2d(numbers, weight, plain.bias.double(), stride=2, padding=1).relu()  # type: ignore[union-attr]  # made with one
        wanted = (exact / grid.scale).clamp(0, 255)
    assert float((found.double() - wanted).abs().max()) <= 0.5 + 1e-3


@sums_are_exact
def test_images_of_another_size_and_number_than_the_first_are_answered() -> None:
    plain, images = plain_network(), smooth_images(8)
    network = quantized(plain, images)
    with torch.inference_mode():
        network(images)
        for given in (smooth_images(1, 96), smooth_images(5, 33)):
            found, wanted = network(given)[1], plain(given)[1]
            assert float((found - wanted).square().mean().sqrt() / wanted.std()) < 0.15


def test_what_is_given_is_left_as_it_is() -> None:
    images = smooth_images(2)
    network = quantized(plain_network(), images)
    before = images.clone()
    with torch.inference_mode():
        first = network(images)
        second = network(images)
    assert torch.equal(images, before)
    assert torch.equal(first[0], second[0])


def test_weights_are_rounded_to_a_scale_of_each_channel() -> None:
    plain = nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        plain.weight[2] *= 100
        plain.weight[3] = 0
    layer = Quantized(plain, Grid(0.1, 0), Grid(0.1, 0), has_relu=False)
    assert layer.weight.dtype == torch.int8
    error = (layer.weight * layer.scale[:, None, None, None] - plain.weight).abs().amax(dim=(1, 2, 3))
    assert torch.all(error <= layer.scale / 2 * 1.001)
    assert layer.weight[:3].abs().amax(dim=(1, 2, 3)).tolist() == [127, 127, 127]


def test_a_grid_rounds_to_the_nearest_byte_and_holds_its_ends() -> None:
    numbers = torch.tensor([-9.0, -1.0, 0.0, 0.26, 0.74, 9.0]).reshape(1, 1, 2, 3)
    assert Grid(0.5, 2).round(numbers).flatten().tolist() == [0, 0, 2, 3, 3, 20]
    assert Grid(0.01, 100).round(numbers).flatten().tolist() == [0, 0, 100, 126, 174, 255]


@pytest.mark.parametrize(
    "shape", [(2, 8, 112, 112), (1, 4, 7, 9), (3, 4, 33, 32), (1, 3, 1, 1), (1, 3, 2, 1)]
)
def test_halving_takes_the_largest_of_neighbours(shape: tuple[int, ...]) -> None:
    images = torch.randint(0, 256, shape, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    before = images.clone()
    assert torch.equal(_halved(images).float(), nn.functional.max_pool2d(images.float(), 3, 2, 1))
    assert torch.equal(images, before)


def test_ranges_hold_every_number_and_nobody_watches_afterwards() -> None:
    plain, images = plain_network(), smooth_images(5)
    ranges = observe(plain, images)
    body = plain.classifier.network
    with torch.inference_mode():
        stem = body.get_submodule("conv1")(images)
    assert ranges[IMAGES] == (float(images.min()), float(images.max()))
    assert ranges["conv1"] == (
        pytest.approx(float(stem.min()), abs=1e-4),
        pytest.approx(float(stem.max()), abs=1e-4),
    )
    assert ranges["layer4.1"][0] == 0.0
    assert not any(module._forward_hooks for module in plain.modules())


def test_what_is_no_number_leaves_ranges_that_can_be_kept() -> None:
    plain = plain_network()
    with torch.no_grad():
        plain.classifier.network.get_submodule("layer1.0.conv1").weight.fill_(torch.nan)  # type: ignore[union-attr, operator]  # a convolution's
    ranges = observe(plain, smooth_images(2))
    assert all(torch.isfinite(torch.tensor(ends)).all() for ends in ranges.values())
    assert ranges["layer1.0.conv1"] == (0.0, 0.0)
    quantize(plain, ranges)


def test_only_resnets_that_are_folded_and_whole_can_be_quantized() -> None:
    assert is_quantizable(plain_network("resnet50"))
    for backbone in ("mobilenet_v2", "vgg16", "densenet121"):
        assert not is_quantizable(folded(build_classifier(backbone, 2).eval()))
    assert not is_quantizable(Answering(build_classifier("resnet18", 2).eval()))
    assert is_quantizable(folded(as_ensemble(build_classifier("resnet18", 2), 3, 1).eval()))
    assert not is_quantizable(folded(as_ensemble(build_classifier("resnet18", 2), 3, 2).eval()))
