"""ONNX Runtime: exported once for any batch size, with torch's answers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines.onnx_engine import OnnxEngine, export
from vision.errors import EngineUnavailableError


@pytest.fixture
def engine(artifact: Artifact, images: Tensor) -> OnnxEngine:
    return OnnxEngine(export(artifact.build(), images))


def test_it_answers_what_torch_answers_whatever_the_batch(
    engine: OnnxEngine, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    for num in (1, 2, 5):
        answers = engine(images[:num])
        for found, wanted in zip(answers, expected, strict=True):
            torch.testing.assert_close(found, wanted[:num], atol=1e-4, rtol=1e-4)


def test_one_image_is_enough_to_export_for_batches(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    logits, _ = OnnxEngine(export(artifact.build(), images[:1]))(images)
    torch.testing.assert_close(logits, expected[0], atol=1e-4, rtol=1e-4)


def test_calls_may_overlap(engine: OnnxEngine, images: Tensor) -> None:
    alone = [engine(image.unsqueeze(0))[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine(image.unsqueeze(0))[0], images))
    for found, wanted in zip(together, alone, strict=True):
        torch.testing.assert_close(found, wanted)


class Unexportable(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) if images.sum() > 0 else images.amax(dim=(2, 3))


def test_a_network_that_cant_be_exported_is_told(artifact: Artifact, images: Tensor) -> None:
    classifier = artifact.build()
    classifier.network = Unexportable()
    classifier.head = nn.Linear(3, 2)
    with pytest.raises(EngineUnavailableError, match="resnet18 can't be"):
        export(classifier, images)


def test_bytes_that_are_no_network_are_told() -> None:
    with pytest.raises(EngineUnavailableError, match="PERENNIAL_ENGINE=torch"):
        OnnxEngine(b"no network")
