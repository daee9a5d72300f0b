"""What is judged is what is served."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact, to_files
from vision.engines import precision as precisions
from vision.engines.as_served import answers_as_served
from vision.engines.choice import EngineSettings, load_engine
from vision.evaluation import evaluate_logits


@pytest.fixture
def dataset(images: Tensor) -> list[tuple[Tensor, int]]:
    return [(image, 0) for image in images]


def test_in_bfloat16_the_answers_are_those_of_the_engine_that_serves(
    artifact: Artifact, dataset: list[tuple[Tensor, int]], images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    judged = replace(artifact, precision="bfloat16")
    engine = load_engine(judged, to_files(judged), EngineSettings())
    assert engine.name == "torch in bfloat16"
    answers = answers_as_served(judged, dataset)
    for found, served in zip(answers, engine(images), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, served)
    exact, _ = evaluate_logits(artifact.build(), dataset)
    assert not torch.equal(answers[0], exact)


@pytest.mark.parametrize("has_it", [True, False])
def test_elsewhere_they_are_those_of_the_network_itself(
    has_it: bool, artifact: Artifact, dataset: list[tuple[Tensor, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: has_it)
    asked = artifact if has_it else replace(artifact, precision="bfloat16")
    exact, _ = evaluate_logits(artifact.build(), dataset)
    assert torch.equal(answers_as_served(asked, dataset)[0], exact)
