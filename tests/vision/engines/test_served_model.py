"""A version is judged, stored and served in the same form."""

import logging
import sys
from collections import UserDict
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact, describe, to_files
from vision.artifact_description import WEIGHTS_FILE
from vision.engines.choice import EngineSettings, load_engine, own_compiled_file
from vision.engines.kind import MODEL_FILE, MODEL_WEIGHTS_FILE
from vision.engines.served_form import ServedForm
from vision.engines.served_model import served


class Watched(UserDict[str, bytes]):
    """Files, and the names of those that were read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> bytes:
        self.read.add(name)
        return super().__getitem__(name)


def test_a_worker_answers_to_the_bit_what_was_judged_and_reads_no_weights(
    artifact: Artifact, images: Tensor, processor: Callable[..., None]
) -> None:
    processor("avx2")
    model = served(artifact, [], EngineSettings())
    files = Watched(model.to_files())
    engine = load_engine(describe(files), files, EngineSettings())
    assert model.engine.name == engine.name == "OpenVINO in float32"
    assert all(torch.equal(*pair) for pair in zip(engine(images), model.engine(images), strict=True))
    assert own_compiled_file("float32") in files.read
    assert not files.read & {WEIGHTS_FILE, MODEL_FILE, MODEL_WEIGHTS_FILE}
    assert model.metrics() == {"served_precision": "float32", "share_changed": 0.0}


@pytest.mark.parametrize("reason", ["another processor", "broken"])
def test_where_the_compiled_form_cannot_be_used_the_portable_one_is_compiled(
    reason: str, artifact: Artifact, images: Tensor, processor: Callable[..., None]
) -> None:
    processor("avx2")
    model = served(artifact, [], EngineSettings())
    files = Watched(model.to_files())
    if reason == "another processor":
        processor("avx2", "fma3")
    else:
        files[own_compiled_file("float32")] = b"broken"
    engine = load_engine(describe(files), files, EngineSettings())
    torch.testing.assert_close(engine(images)[0], model.engine(images)[0])
    assert {MODEL_FILE, MODEL_WEIGHTS_FILE} <= files.read
    assert WEIGHTS_FILE not in files.read


def test_a_version_that_was_judged_in_int8_is_served_in_it(artifact: Artifact, int8: ServedForm) -> None:
    files = {**to_files(artifact), **int8.to_files()}
    assert load_engine(describe(files), files, EngineSettings()).name == "OpenVINO in int8"


@pytest.mark.parametrize("reason", ["none", "other processor", "not wanted", "broken"])
def test_a_form_that_cannot_serve_here_is_made_of_the_weights_in_float32(
    reason: str,
    artifact: Artifact,
    int8: ServedForm,
    images: Tensor,
    expected: tuple[Tensor, Tensor],
    caplog: pytest.LogCaptureFixture,
) -> None:
    forms = {
        "none": {},
        "other processor": replace(int8, needs_dot_product=True).to_files(),
        "not wanted": int8.to_files(),
        "broken": {**int8.to_files(), MODEL_FILE: b"broken"},
    }
    files = {**to_files(artifact), **forms[reason]}
    settings = EngineSettings(precision="float32" if reason == "not wanted" else "auto")
    with caplog.at_level(logging.WARNING):
        engine = load_engine(describe(files), files, settings)
    assert engine.name == "OpenVINO in float32"
    torch.testing.assert_close(engine(images)[0], expected[0], atol=1e-4, rtol=1e-4)
    assert "made of its weights" in caplog.text


def test_torch_can_be_insisted_on(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    settings = EngineSettings(kind="torch")
    model = served(artifact, [], settings)
    assert model.to_files() == to_files(artifact)
    assert model.metrics() == {"served_precision": "float32"}
    for engine in (model.engine, load_engine(artifact, {}, settings)):
        assert engine.name == "torch"
        torch.testing.assert_close(engine(images)[0], expected[0], atol=1e-4, rtol=1e-4)


def test_where_openvino_is_missing_torch_serves_with_a_warning(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = served(artifact, [], EngineSettings()).to_files()
    monkeypatch.setitem(sys.modules, "openvino", None)
    with caplog.at_level(logging.WARNING):
        assert served(artifact, [], EngineSettings()).engine.name == "torch"
        assert load_engine(describe(files), files, EngineSettings()).name == "torch"
    assert "torch serves" in caplog.text
