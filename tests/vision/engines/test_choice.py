"""Which engine runs a version."""

import logging
from collections import UserDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact, describe, to_files
from vision.artifact_description import WEIGHTS_FILE
from vision.engines.choice import EngineSettings, load_engine
from vision.engines.kind import Precision
from vision.engines.making import ENGINE_FILE, engine_files
from vision.engines.precision import rounded
from vision.engines.rounded_file import ROUNDED_FILES


@pytest.fixture
def files(artifact: Artifact, images: Tensor) -> dict[str, bytes]:
    return {**to_files(artifact), **engine_files(artifact, images).files}


def test_auto_takes_onnx_runtime_where_the_version_has_its_file(
    artifact: Artifact, files: dict[str, bytes]
) -> None:
    assert load_engine(artifact, files, EngineSettings()).name == "onnxruntime"
    assert load_engine(artifact, to_files(artifact), EngineSettings()).name == "torch"


def test_torch_can_be_insisted_on(artifact: Artifact, files: dict[str, bytes]) -> None:
    assert load_engine(artifact, files, EngineSettings(kind="torch")).name == "torch"


def test_a_version_without_the_file_is_served_by_torch_with_a_warning(
    artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = load_engine(artifact, to_files(artifact), EngineSettings(kind="onnxruntime"))
    assert engine.name == "torch"
    assert ENGINE_FILE in caplog.text


def test_a_broken_file_is_no_reason_not_to_serve(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = load_engine(artifact, {ENGINE_FILE: b"broken"}, EngineSettings())
    assert "torch serves instead" in caplog.text
    torch.testing.assert_close(engine(images)[0], expected[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_a_version_that_was_judged_rounded_is_served_so_where_the_processor_gains_by_it(
    precision: Precision,
    artifact: Artifact,
    files: dict[str, bytes],
    images: Tensor,
    processor: Callable[[Precision], None],
) -> None:
    judged = rounded(artifact, images, precision)
    processor(precision)
    assert load_engine(judged, files, EngineSettings()).name == f"torch in {precision}"
    assert load_engine(judged, files, EngineSettings("torch")).name == f"torch in {precision}"
    assert load_engine(judged, files, EngineSettings("onnxruntime")).name == "onnxruntime"
    assert load_engine(judged, files, EngineSettings(precision="float32")).name == "onnxruntime"
    processor("float32")
    assert load_engine(judged, files, EngineSettings()).name == "onnxruntime"


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_only_the_files_that_serve_are_read(
    precision: Precision,
    artifact: Artifact,
    files: dict[str, bytes],
    images: Tensor,
    processor: Callable[[Precision], None],
) -> None:
    processor(precision)
    judged = rounded(artifact, images, precision)
    of_judged = {**files, **to_files(judged), **engine_files(judged, images).files}
    expectations = {
        f"torch in {precision}": (of_judged, EngineSettings(), ROUNDED_FILES[precision]),
        "onnxruntime": (files, EngineSettings(), ENGINE_FILE),
        "torch": (files, EngineSettings(kind="torch"), WEIGHTS_FILE),
    }
    for name, (present, settings, wanted) in expectations.items():
        watched = Watched(present)
        engine = load_engine(describe(watched), watched, settings)
        assert engine.name == name
        assert wanted in watched.read
        assert not watched.read & {WEIGHTS_FILE, ENGINE_FILE, *ROUNDED_FILES.values()} - {wanted}


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_a_version_without_its_file_is_served_from_its_weights(
    precision: Precision, artifact: Artifact, images: Tensor, processor: Callable[[Precision], None]
) -> None:
    processor(precision)
    judged = rounded(artifact, images, precision)
    older = to_files(judged)
    newer = {**older, **engine_files(judged, images).files}
    from_weights, from_its_file = (
        load_engine(describe(files), files, EngineSettings()) for files in (older, newer)
    )
    assert from_weights.name == from_its_file.name == f"torch in {precision}"
    assert torch.equal(from_weights(images)[0], from_its_file(images)[0])


class Watched(UserDict[str, bytes]):
    """Files, and the names of those that were read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> bytes:
        self.read.add(name)
        return super().__getitem__(name)
