"""A small artifact with real pictures to run it on."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import processor as processors
from vision.engines import served_form
from vision.engines.openvino_engine import Threads
from vision.engines.served_form import ServedForm, make_form


@pytest.fixture
def images(artifact: Artifact, picture: Callable[..., Image.Image]) -> Tensor:
    """Five pictures, prepared for the artifact."""
    return torch.stack([artifact.preprocessing.to_tensor(picture(seed=seed)) for seed in range(5)])


@pytest.fixture
def calibration(artifact: Artifact, picture: Callable[..., Image.Image]) -> list[tuple[Tensor, int]]:
    """Forty other pictures, with classes that nothing uses."""
    return [(artifact.preprocessing.to_tensor(picture(seed=seed)), 0) for seed in range(100, 140)]


@pytest.fixture
def expected(artifact: Artifact, images: Tensor) -> tuple[Tensor, Tensor]:
    """Torch's answers without any engine: logits and embeddings."""
    with torch.inference_mode():
        return artifact.build().classify(images)


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that this processor has some of torch's capabilities, and round images of 32 pixels too."""

    def with_capabilities(*names: str, cpu_name: str = "AMD EPYC") -> None:
        capabilities = dict.fromkeys(names, True) | {"cpu_name": cpu_name}
        monkeypatch.setattr(processors, "_capabilities", lambda: capabilities)
        monkeypatch.setattr(processors, "MIN_IMAGE_SIZE", 32)
        monkeypatch.setattr(served_form, "MIN_IMAGE_SIZE", 32)

    return with_capabilities


# Quantising takes seconds, and the artifact is the same in each test.
_forms: dict[str, ServedForm] = {}


@pytest.fixture
def int8(
    artifact: Artifact, calibration: list[tuple[Tensor, int]], processor: Callable[..., None]
) -> ServedForm:
    """The artifact's form for a processor with AVX2 alone, which this one pretends to be."""
    processor("avx2")
    if "int8" not in _forms:
        _forms["int8"] = make_form(artifact, calibration, "auto", Threads())
    return _forms["int8"]
