import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch.hub import get_dir, set_dir
from torchvision import models

from vision.errors import WeightsMismatchError, WeightsUnavailableError
from vision.network import build_classifier
from vision.pretrained import zoo_classifier
from vision.weights.hub import cached_file, imagenet_weights


@pytest.fixture
def empty_cache(tmp_path: Path) -> Iterator[Path]:
    before = get_dir()
    set_dir(tmp_path / "hub")
    yield tmp_path / "hub"
    set_dir(before)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cached_resnet(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A stand-in for the ImageNet weights where torch hub would keep them."""
    state: dict[str, torch.Tensor] = models.resnet18().state_dict()
    target = cached_file(imagenet_weights("resnet18"))
    target.parent.mkdir(parents=True)
    torch.save(state, target)
    return state


@pytest.mark.usefixtures("no_network")
def test_a_failed_download_says_what_to_do_and_leaves_nothing_behind(empty_cache: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"--weights FILE .* --weights none"):
        build_classifier("resnet18", 2, "default")
    assert not [path for path in empty_cache.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("no_network", "empty_cache")
def test_building_with_no_weights_needs_no_network() -> None:
    build_classifier("resnet18", 2, "none")


@pytest.mark.usefixtures("no_network")
def test_cached_weights_need_no_network_and_the_head_is_fresh(cached_resnet: dict[str, torch.Tensor]) -> None:
    classifier = build_classifier("resnet18", 2, "default")
    assert torch.equal(
        classifier.state_dict()["layer4.1.conv2.weight"], cached_resnet["layer4.1.conv2.weight"]
    )
    assert classifier.head.out_features == 2


def test_the_zoo_classifier_keeps_its_head_and_names_imagenets_classes(
    cached_resnet: dict[str, torch.Tensor],
) -> None:
    artifact = zoo_classifier("resnet18")
    assert len(artifact.class_names) == len(set(artifact.class_names)) == 1000
    assert artifact.class_names[0] == "tench"
    assert artifact.preprocessing.image_size == 224
    assert torch.equal(artifact.build().head.weight, cached_resnet["fc.weight"])


@pytest.mark.parametrize("kind", ["safetensors", "torch", "checkpoint"])
def test_a_file_gives_everything_but_the_head(kind: str, tmp_path: Path) -> None:
    state = models.resnet18(num_classes=9).state_dict()
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    elif kind == "torch":
        torch.save(state, path)
    else:
        torch.save(
            {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3}, path
        )
    classifier = build_classifier("resnet18", 2, path)
    loaded = classifier.state_dict()
    assert all(
        torch.equal(loaded[name], value) for name, value in state.items() if not name.startswith("fc.")
    )
    assert classifier.head.out_features == 2


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(models.resnet34().state_dict(), path)
    build_classifier("resnet34", 2, path)
    with pytest.raises(WeightsMismatchError, match="Expected weights of resnet50"):
        build_classifier("resnet50", 2, path)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_is_no_weights_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"no weights at all")
    with pytest.raises(WeightsMismatchError, match="can't be read"):
        build_classifier("resnet18", 2, path)


def test_a_pickle_that_would_run_code_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]  # pickle wants any callable

    path = tmp_path / "weights.pth"
    torch.save({"conv1.weight": Trap()}, path)
    with pytest.raises(WeightsMismatchError):
        build_classifier("resnet18", 2, path)
    assert not (tmp_path / "sprung").exists()


def test_a_missing_file_is_named_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"nowhere\.pth"):
        build_classifier("resnet18", 2, tmp_path / "nowhere.pth")
