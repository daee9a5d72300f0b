"""Torch on the CPU: the same answers with fewer modules."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines import torch_engine
from vision.engines.torch_engine import TorchEngine, fused
from vision.network import Classifier


def test_it_answers_what_the_classifier_answers(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    answers = TorchEngine(artifact.build())(images)
    for found, wanted in zip(answers, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_in_bfloat16_it_answers_nearly_the_same_in_float32(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    engine = TorchEngine(artifact.build(), "bfloat16")
    assert engine.name == "torch in bfloat16"
    for found, wanted in zip(engine(images), expected, strict=True):
        assert found.dtype == torch.float32
        # Eight bits of mantissa.
        assert float((found - wanted).abs().max()) < 0.02 * float(wanted.abs().max())
        assert not torch.equal(found, wanted)


def test_no_batch_normalisation_is_left(artifact: Artifact) -> None:
    classifier = artifact.build()
    assert sum(isinstance(module, nn.BatchNorm2d) for module in classifier.modules()) == 20
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused(classifier).modules())


class OtherOrder(nn.Module):
    """Its normalisation stands behind its convolution, and runs before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        nn.init.uniform_(self.norm.weight, 2.0, 3.0)
        nn.init.uniform_(self.norm.bias, 1.0, 2.0)

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(self.convolution(self.norm(images))).mean(dim=(2, 3))


def test_a_network_that_would_answer_otherwise_when_fused_runs_as_it_is(
    artifact: Artifact, images: Tensor
) -> None:
    classifier: Classifier = artifact.build()
    classifier.network = OtherOrder().eval()
    classifier.head = nn.Linear(3, 2)
    with torch.inference_mode():
        wanted, _ = classifier.classify(images)
    torch.testing.assert_close(TorchEngine(classifier)(images)[0], wanted)


def test_a_version_that_is_loaded_harms_no_answer_meanwhile(artifact: Artifact, images: Tensor) -> None:
    engine = TorchEngine(artifact.build())
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(lambda: [TorchEngine(artifact.build()) for _ in range(5)])
        while not loading.done():
            engine(images)
        assert len(loading.result()) == 5


def test_what_cant_be_fused_is_found_out_once_for_its_kind(
    artifact: Artifact, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_engine, "_bearing", {})
    for _ in range(2):
        classifier: Classifier = artifact.build()
        classifier.network = OtherOrder()
        classifier.head = nn.Linear(3, 2)
        classifier.eval()
        with torch.inference_mode():
            wanted, _ = classifier.classify(images)
            found, _ = fused(classifier)(images)
        torch.testing.assert_close(found, wanted)
        assert list(torch_engine._bearing.values()) == [False]
    fused(artifact.build())
    assert list(torch_engine._bearing.values()) == [False, True]


def test_calls_may_overlap(artifact: Artifact, images: Tensor) -> None:
    engine = TorchEngine(artifact.build())
    alone = [engine(image.unsqueeze(0))[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine(image.unsqueeze(0))[0], images))
    for found, wanted in zip(together, alone, strict=True):
        torch.testing.assert_close(found, wanted)
