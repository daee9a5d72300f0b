"""Which engine runs a version."""

import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact, to_files
from vision.engines import precision as precisions
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
