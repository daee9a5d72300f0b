"""Precisions: bfloat16 where the processor has it, the network gains by it and answers nearly the same."""

import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import precision as precisions
from vision.engines.kind import EngineKind, Precision, PrecisionKind
from vision.engines.precision import (
    MAX_DIFFERENCE,
    MIN_IMAGE_SIZE,
    bfloat16_difference,
    has_bfloat16,
    in_precision,
    serves_in_bfloat16,
    wanted_precision,
)
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"amx_bf16": True, "cpu_name": "Intel(R) Xeon(R) Processor"}, True),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "AMD EPYC"}, True),
        ({"avx512_bf16": False, "cpu_name": "AMD EPYC"}, False),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel(R) Xeon(R) Processor"}, False),
        ({"avx512_bf16": True}, False),
        ({}, False),
    ],
)
def test_matrices_of_bfloat16_count_and_vectors_on_processors_that_gain_by_them(
    capabilities: dict[str, bool | str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_bfloat16() is expected


def test_a_torch_that_tells_no_capabilities_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bfloat16()


@pytest.mark.parametrize(
    ("precision", "kind", "device", "expected"),
    [
        ("auto", "auto", "cpu", "bfloat16"),
        ("auto", "torch", "cpu", "bfloat16"),
        ("auto", "onnxruntime", "cpu", "float32"),
        ("float32", "auto", "cpu", "float32"),
        ("auto", "auto", "cuda", "float32"),
    ],
)
def test_bfloat16_is_wanted_where_nothing_speaks_against_it(
    precision: PrecisionKind,
    kind: EngineKind,
    device: str,
    expected: Precision,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    assert wanted_precision(precision, kind, device) == expected
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    assert wanted_precision(precision, kind, device) == "float32"


def test_a_version_is_served_in_bfloat16_only_where_it_was_judged_in_it(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    assert not serves_in_bfloat16(artifact, "auto", "auto")
    judged = replace(artifact, precision="bfloat16")
    assert serves_in_bfloat16(judged, "auto", "auto")
    assert not serves_in_bfloat16(judged, "float32", "auto")
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    assert not serves_in_bfloat16(judged, "auto", "auto")


@pytest.mark.usefixtures("bfloat16")
def test_a_network_that_bears_it_gets_it(artifact: Artifact, images: Tensor) -> None:
    assert 0 < bfloat16_difference(artifact, images) <= MAX_DIFFERENCE
    assert in_precision(artifact, images, "bfloat16") == replace(artifact, precision="bfloat16")
    assert in_precision(replace(artifact, precision="bfloat16"), images, "float32").precision == "float32"


@pytest.mark.usefixtures("bfloat16")
def test_one_whose_confidences_move_stays_in_float32_with_a_warning(
    artifact: Artifact, images: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    # Classes whose weights differ by a thousandth, which is less than bfloat16 tells apart.
    row = artifact.state["fc.weight"][:1]
    weight = torch.cat([row, row * 1.001, row * 0.999])
    alike = {**artifact.state, "fc.weight": weight, "fc.bias": torch.zeros(3)}
    sharp = replace(artifact, state=alike, temperature=1e-4)
    with caplog.at_level(logging.WARNING):
        kept = in_precision(sharp, images, "bfloat16")
    assert kept.precision == "float32"
    assert "stays in float32: in bfloat16 a confidence differs by" in caplog.text


@pytest.mark.usefixtures("bfloat16")
def test_one_that_answers_no_numbers_stays_in_float32(
    artifact: Artifact, images: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    state = {**artifact.state, "fc.bias": torch.full((3,), torch.nan)}
    with caplog.at_level(logging.WARNING):
        kept = in_precision(replace(artifact, state=state), images, "bfloat16")
    assert kept.precision == "float32"
    assert "it is no number" in caplog.text


def test_small_images_stay_in_float32(artifact: Artifact, images: Tensor) -> None:
    assert artifact.preprocessing.image_size == 32 < MIN_IMAGE_SIZE
    assert in_precision(artifact, images, "bfloat16").precision == "float32"


@pytest.mark.usefixtures("bfloat16")
def test_grouped_convolutions_stay_in_float32(images: Tensor) -> None:
    mobile = Artifact(
        backbone="mobilenet_v2",
        class_names=("ants", "bees"),
        preprocessing=preprocessing_for("mobilenet_v2", 32),
        state=build_classifier("mobilenet_v2", 2).state_dict(),
    )
    assert in_precision(mobile, images, "bfloat16").precision == "float32"
