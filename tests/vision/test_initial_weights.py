from pathlib import Path

import pytest

from vision.errors import UnknownBackboneError, WeightsUnavailableError
from vision.initial_weights import best_initial_weights, find_initial_weights

pytestmark = pytest.mark.usefixtures("no_hub")


def test_without_imagenet_weights_another_pretrained_network_is_used_with_a_note() -> None:
    network = find_initial_weights("resnet50", "default")
    assert (network.backbone, network.weights) == ("efficientnet_lite0", "default")
    assert "ImageNet weights of resnet50 could not be had" in network.note


def test_without_the_package_too_the_bundled_weights_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    network = find_initial_weights("resnet18", "default")
    assert (network.backbone, network.weights) == ("resnet18", "bundled")
    assert "the bundled weights" in network.note


def test_available_weights_are_used_without_a_note() -> None:
    assert find_initial_weights("resnet18", "none").note == ""
    assert find_initial_weights("efficientnet_lite0", "default").note == ""


def test_weights_that_were_named_are_not_exchanged_for_others(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError):
        find_initial_weights("resnet18", tmp_path / "none.pth")
    with pytest.raises(WeightsUnavailableError):
        find_initial_weights("resnet50", "bundled")


def test_a_compared_network_keeps_its_name_and_starts_from_what_it_has() -> None:
    networks = [best_initial_weights(name) for name in ("resnet18", "resnet50", "efficientnet_lite0")]
    assert [(network.backbone, network.weights) for network in networks] == [
        ("resnet18", "bundled"),
        ("resnet50", "none"),
        ("efficientnet_lite0", "default"),
    ]
    assert "resnet50 starts from random weights" in networks[1].note


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(UnknownBackboneError, match="resnet18"):
        find_initial_weights("resnet81", "default")
