"""Convolutions packed ahead, with what stands behind them: the same answers in fewer steps."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from tests.vision.engines.networks import plain_network
from vision.engines import folding
from vision.engines.folding import apply_if_equivalent
from vision.engines.packing import Packed, is_available, pack

pytestmark = pytest.mark.skipif(not is_available(), reason="this torch has no operators of oneDNN")


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "vgg16", "densenet121", "mobilenet_v3_small"])
def test_every_family_answers_the_same(backbone: str) -> None:
    plain = plain_network(backbone)
    packed = deepcopy(plain)
    pack(packed)
    images = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        for found, wanted in zip(packed(images), plain(images), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_a_resnet_keeps_no_convolution_and_no_activation_of_its_own() -> None:
    network = plain_network("resnet18")
    pack(network)
    kinds = [type(module) for module in network.modules()]
    assert kinds.count(Packed) == 20
    assert nn.Conv2d not in kinds
    assert nn.ReLU not in kinds


@pytest.mark.skipif(not is_available(torch.bfloat16), reason="oneDNN packs bfloat16 with AVX-512 only")
def test_in_bfloat16_it_answers_as_the_plain_network_does_in_it() -> None:
    plain = plain_network("resnet18").to(torch.bfloat16)
    packed = deepcopy(plain)
    pack(packed)
    images = torch.rand(3, 3, 96, 96, dtype=torch.bfloat16)
    with torch.inference_mode():
        found, wanted = packed(images)[1].float(), plain(images)[1].float()
    assert float((found - wanted).abs().max()) < 0.03 * float(wanted.abs().max())


def test_images_of_another_size_and_number_than_it_was_packed_for_are_answered() -> None:
    plain = plain_network("resnet18")
    packed = deepcopy(plain)
    pack(packed)
    with torch.inference_mode():
        for shape in ((1, 3, 33, 47), (7, 3, 128, 64)):
            images = torch.rand(shape)
            torch.testing.assert_close(packed(images)[0], plain(images)[0], rtol=1e-3, atol=1e-4)


def test_weights_are_laid_out_once_for_the_first_image() -> None:
    packed = Packed(nn.Conv2d(3, 4, 3), "relu")
    assert not packed._weight.is_mkldnn
    with torch.inference_mode():
        packed(torch.rand(1, 3, 32, 32))
        laid_out = packed._weight
        packed(torch.rand(2, 3, 64, 64))
    assert laid_out.is_mkldnn
    assert packed._weight is laid_out


class OtherUse(nn.Sequential):
    """Its ReLU stands behind its convolution, and runs before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.activation = nn.ReLU()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.convolution(self.activation(images)).mean(dim=(2, 3)),)


class Mirrored(nn.Module):
    """Its borders are no zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.convolution(images).mean(dim=(2, 3)),)


@pytest.mark.parametrize("kind", [OtherUse, Mirrored])
def test_a_network_that_would_answer_otherwise_stays_as_it_is(
    kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_equivalent", {})
    torch.manual_seed(0)
    network = kind().eval()
    apply_if_equivalent(network, pack)
    assert type(network.convolution) is nn.Conv2d
    assert list(folding._equivalent.values()) == [False]


class Bordered(nn.Conv2d):
    """Pads in its forward, as timm's convolutions with borders of "same" size do."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(images, (0, 1, 0, 1)))


def test_a_convolution_of_another_class_is_left_as_it_is() -> None:
    network = nn.Sequential(Bordered(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3)).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        wanted = network(images)
        pack(network)
        torch.testing.assert_close(network(images), wanted, rtol=1e-3, atol=1e-4)
    assert [type(module) for module in network] == [Bordered, Packed]
