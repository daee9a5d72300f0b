"""A small artifact with real pictures to run it on."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import precision
from vision.engines.kind import Precision


@pytest.fixture
def images(artifact: Artifact, picture: Callable[..., Image.Image]) -> Tensor:
    """Five pictures as the artifact wants them."""
    return torch.stack([artifact.preprocessing.to_tensor(picture(seed=seed)) for seed in range(5)])


@pytest.fixture
def expected(artifact: Artifact, images: Tensor) -> tuple[Tensor, Tensor]:
    """What torch answers without any engine: logits and embeddings."""
    with torch.inference_mode():
        return artifact.build().classify(images)


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[[Precision], None]:
    """Make this a processor that gains by a precision, with images of 32 pixels too."""

    def gain_by(wanted: Precision) -> None:
        monkeypatch.setattr(precision, "has_bfloat16", lambda: wanted == "bfloat16")
        monkeypatch.setattr(precision, "has_int8", lambda: wanted == "int8")
        monkeypatch.setattr(precision, "MIN_IMAGE_SIZE", 32)

    return gain_by


@pytest.fixture
def bfloat16(processor: Callable[[Precision], None]) -> None:
    """A processor that multiplies it, and gains by it with images of 32 pixels."""
    processor("bfloat16")
