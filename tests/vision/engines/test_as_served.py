"""What is judged is what is served."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact, to_files
from vision.engines.as_served import answers_as_served
from vision.engines.choice import EngineSettings, load_engine
from vision.engines.kind import Precision
from vision.engines.precision import rounded
from vision.engines.rounded_file import ROUNDED_FILES
from vision.evaluation import evaluate_logits


@pytest.fixture
def dataset(images: Tensor) -> list[tuple[Tensor, int]]:
    return [(image, 0) for image in images]


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_rounded_the_answers_are_those_of_the_engine_that_serves(
    precision: Precision,
    artifact: Artifact,
    dataset: list[tuple[Tensor, int]],
    images: Tensor,
    processor: Callable[[Precision], None],
) -> None:
    processor(precision)
    judged = rounded(artifact, images, precision)
    engine = load_engine(judged, to_files(judged), EngineSettings())
    assert engine.name == f"torch in {precision}"
    answers = answers_as_served(judged, dataset)
    for found, served in zip(answers, engine(images), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, served)
    exact, _ = evaluate_logits(artifact.build(), dataset)
    assert not torch.equal(answers[0], exact)


@pytest.mark.parametrize("precision", ROUNDED_FILES)
@pytest.mark.parametrize("has_it", [True, False])
def test_elsewhere_they_are_those_of_the_network_itself(
    has_it: bool,
    precision: Precision,
    artifact: Artifact,
    dataset: list[tuple[Tensor, int]],
    processor: Callable[[Precision], None],
) -> None:
    processor(precision if has_it else "float32")
    asked = artifact if has_it else replace(artifact, precision=precision)
    exact, _ = evaluate_logits(artifact.build(), dataset)
    assert torch.equal(answers_as_served(asked, dataset)[0], exact)
