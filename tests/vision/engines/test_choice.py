"""Which engine runs a version."""

import logging
from collections import UserDict
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import WEIGHTS_FILE, Artifact, describe, to_files
from vision.engines import precision as precisions
from vision.engines.bfloat16_file import BFLOAT16_FILE
from vision.engines.choice import EngineSettings, load_engine
from vision.engines.making import ENGINE_FILE, engine_files


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


def test_a_version_that_was_judged_in_bfloat16_is_served_in_it_where_the_processor_has_it(
    artifact: Artifact, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = replace(artifact, precision="bfloat16")
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    assert load_engine(judged, files, EngineSettings()).name == "torch in bfloat16"
    assert load_engine(judged, files, EngineSettings("torch")).name == "torch in bfloat16"
    assert load_engine(judged, files, EngineSettings("onnxruntime")).name == "onnxruntime"
    assert load_engine(judged, files, EngineSettings(precision="float32")).name == "onnxruntime"
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    assert load_engine(judged, files, EngineSettings()).name == "onnxruntime"


def test_only_the_files_that_serve_are_read(
    artifact: Artifact, files: dict[str, bytes], images: Tensor, bfloat16: None
) -> None:
    judged = replace(artifact, precision="bfloat16")
    of_judged = {**files, **to_files(judged), **engine_files(judged, images).files}
    expectations = {
        "torch in bfloat16": (of_judged, EngineSettings(), BFLOAT16_FILE),
        "onnxruntime": (files, EngineSettings(), ENGINE_FILE),
        "torch": (files, EngineSettings(kind="torch"), WEIGHTS_FILE),
    }
    for name, (present, settings, wanted) in expectations.items():
        watched = Watched(present)
        engine = load_engine(describe(watched), watched, settings)
        assert engine.name == name
        assert wanted in watched.read
        assert not watched.read & {WEIGHTS_FILE, ENGINE_FILE, BFLOAT16_FILE} - {wanted}


def test_a_version_from_before_there_was_its_file_is_served_from_its_weights(
    artifact: Artifact, images: Tensor, bfloat16: None
) -> None:
    judged = replace(artifact, precision="bfloat16")
    older = to_files(judged)
    newer = {**older, **engine_files(judged, images).files}
    from_weights, from_its_file = (
        load_engine(describe(files), files, EngineSettings()) for files in (older, newer)
    )
    assert from_weights.name == from_its_file.name == "torch in bfloat16"
    assert torch.equal(from_weights(images)[0], from_its_file(images)[0])


class Watched(UserDict[str, bytes]):
    """Files, and the names of those that were read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> bytes:
        self.read.add(name)
        return super().__getitem__(name)
