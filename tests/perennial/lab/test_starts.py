from pathlib import Path

import pytest

from perennial.lab.starts import find_own_start, find_start
from vision.errors import UnknownBackboneError, WeightsUnavailableError

pytestmark = pytest.mark.usefixtures("no_hub")


def test_without_imagenet_weights_another_pretrained_network_is_taken_and_told() -> None:
    start = find_start("resnet50", "default")
    assert (start.backbone, start.weights) == ("efficientnet_lite0", "default")
    assert "ImageNet weights of resnet50 could not be had" in start.note


def test_without_the_package_too_the_bundled_weights_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    start = find_start("resnet18", "default")
    assert (start.backbone, start.weights) == ("resnet18", "bundled")
    assert "the bundled weights" in start.note


def test_what_can_be_had_is_taken_without_a_note() -> None:
    assert find_start("resnet18", "none").note == ""
    assert find_start("efficientnet_lite0", "default").note == ""


def test_weights_that_were_named_are_not_exchanged_for_others(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError):
        find_start("resnet18", tmp_path / "none.pth")
    with pytest.raises(WeightsUnavailableError):
        find_start("resnet50", "bundled")


def test_a_compared_network_keeps_its_name_and_starts_from_what_it_has() -> None:
    found = [find_own_start(name) for name in ("resnet18", "resnet50", "efficientnet_lite0")]
    assert [(start.backbone, start.weights) for start in found] == [
        ("resnet18", "bundled"),
        ("resnet50", "none"),
        ("efficientnet_lite0", "default"),
    ]
    assert "resnet50 starts from random weights" in found[1].note


def test_an_unknown_network_is_told() -> None:
    with pytest.raises(UnknownBackboneError, match="resnet18"):
        find_start("resnet81", "default")
