"""Engine files: made where they serve, refused where they answer otherwise than torch."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import making
from vision.engines.kind import EngineKind, Precision
from vision.engines.making import ENGINE_FILE, engine_files, some_images
from vision.engines.onnx_engine import OnnxEngine
from vision.engines.precision import MAX_DIFFERENCE, rounded
from vision.engines.rounded_file import ROUNDED_FILES
from vision.ensemble import as_ensemble


def test_a_file_is_made_and_its_difference_stated(artifact: Artifact, images: Tensor) -> None:
    made = engine_files(artifact, images)
    assert set(made.files) == {ENGINE_FILE}
    assert made.problem is None
    assert made.largest_difference is not None
    assert 0 <= made.largest_difference < 1e-5


@pytest.mark.parametrize(("kind", "device"), [("torch", "cpu"), ("auto", "cuda")])
def test_none_is_made_where_torch_is_to_serve(
    kind: EngineKind, device: str, artifact: Artifact, images: Tensor
) -> None:
    made = engine_files(artifact, images, kind, device)
    assert (made.files, made.problem) == ({}, None)


@pytest.mark.parametrize("kind", ["auto", "torch"])
@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_what_serves_rounded_is_written_so_and_has_its_difference_stated(
    precision: Precision,
    kind: EngineKind,
    artifact: Artifact,
    images: Tensor,
    processor: Callable[[Precision], None],
) -> None:
    processor(precision)
    made = engine_files(rounded(artifact, images, precision), images, kind)
    assert set(made.files) == {ROUNDED_FILES[precision]}
    assert made.problem is None
    assert made.largest_difference is not None
    assert 1e-5 < made.largest_difference <= MAX_DIFFERENCE[precision]


class Wrong(OnnxEngine):
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = super().__call__(images)
        logits[-1, 0] += 0.1
        return logits, embeddings


class Undefined(OnnxEngine):
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = super().__call__(images)
        return torch.full_like(logits, torch.nan), embeddings


class Failing(OnnxEngine):
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if len(images) > 1:
            raise RuntimeError("no batches, please")
        return super().__call__(images)


@pytest.mark.parametrize("engine", [Wrong, Undefined, Failing])
def test_an_engine_that_answers_otherwise_is_refused_with_a_warning(
    engine: type[OnnxEngine],
    artifact: Artifact,
    images: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(making, "OnnxEngine", engine)
    with caplog.at_level(logging.WARNING):
        made = engine_files(artifact, images)
    assert made.files == {}
    assert made.problem is not None
    assert "answers differently on 5 images" in made.problem
    assert "torch serves this version" in caplog.text


@pytest.mark.parametrize("num_own_groups", [1, 2])
def test_an_ensemble_gets_a_file_too(num_own_groups: int, artifact: Artifact, images: Tensor) -> None:
    ensemble = as_ensemble(artifact.build(), 3, num_own_groups)
    of_three = replace(artifact, state=ensemble.state_dict(), num_members=3, num_own_groups=num_own_groups)
    made = engine_files(of_three, images)
    assert made.problem is None
    assert set(made.files) == {ENGINE_FILE}


def test_64_images_at_most_are_checked() -> None:
    images = [(torch.full((3, 2, 2), float(number)), 0) for number in range(70)]
    assert some_images(images).shape == (64, 3, 2, 2)
    assert some_images(images[:3]).shape == (3, 3, 2, 2)
