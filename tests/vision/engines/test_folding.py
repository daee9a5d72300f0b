"""Batch normalisation in the convolution before it, where a network bears that."""

import pytest
import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines import folding
from vision.engines.folding import folded
from vision.network import Classifier


def test_no_batch_normalisation_is_left(artifact: Artifact) -> None:
    classifier = artifact.build()
    assert sum(isinstance(module, nn.BatchNorm2d) for module in classifier.modules()) == 20
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded(classifier).modules())


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


def test_a_network_that_would_answer_otherwise_when_folded_runs_as_it_is(
    artifact: Artifact, images: Tensor
) -> None:
    classifier: Classifier = artifact.build()
    classifier.network = OtherOrder().eval()
    classifier.head = nn.Linear(3, 2)
    with torch.inference_mode():
        wanted, _ = classifier.classify(images)
    with torch.inference_mode():
        torch.testing.assert_close(folded(classifier)(images)[0], wanted)


def test_what_cant_be_folded_is_found_out_once_for_its_kind(
    artifact: Artifact, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_equivalent", {})
    for _ in range(2):
        classifier: Classifier = artifact.build()
        classifier.network = OtherOrder()
        classifier.head = nn.Linear(3, 2)
        classifier.eval()
        with torch.inference_mode():
            wanted, _ = classifier.classify(images)
            found, _ = folded(classifier)(images)
        torch.testing.assert_close(found, wanted)
        assert list(folding._equivalent.values()) == [False]
    folded(artifact.build())
    assert list(folding._equivalent.values()) == [False, True]
