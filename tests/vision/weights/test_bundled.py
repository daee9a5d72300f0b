import json

import pytest
import torch
from safetensors import safe_open

from vision.errors import WeightsUnavailableError
from vision.network import build_classifier
from vision.weights import bundled


def test_the_file_is_small_and_says_what_it_is() -> None:
    assert bundled.FILE.stat().st_size < 25 * 2**20
    with safe_open(bundled.FILE, framework="pt") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} <= {"torch.float16", "torch.int64"}  # noqa: SIM118 (it is no mapping)
        assert json.loads(file.metadata()["recipe"])["epochs_done"] > 0
    card = (bundled.FILE.parent / "MODEL_CARD.md").read_text()
    assert "Licence" in card


def test_a_classifier_gets_its_body_and_a_head_of_its_own() -> None:
    own = build_classifier("resnet18", 2, "bundled").state_dict()
    body = bundled.bundled_network().state_dict()
    assert all(torch.equal(own[name], body[name]) for name in body if not name.startswith("fc."))
    assert own["fc.weight"].shape == (2, 512)
    assert all(tensor.isfinite().all() for tensor in own.values())


def test_its_own_head_is_of_two_hundred_classes() -> None:
    assert bundled.bundled_network().fc.out_features == 200  # type: ignore[union-attr]  # a Linear


def test_other_backbones_have_none() -> None:
    with pytest.raises(WeightsUnavailableError, match="only one is bundled"):
        build_classifier("resnet50", 2, "bundled")


def test_an_incomplete_installation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "FILE", bundled.FILE.with_name("lost.safetensors"))
    with pytest.raises(WeightsUnavailableError, match="incomplete"):
        build_classifier("resnet18", 2, "bundled")
