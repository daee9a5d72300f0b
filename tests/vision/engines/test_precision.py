"""Precisions: what the processor has, where the network gains by it and answers nearly the same."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import precision as precisions
from vision.engines import quantizing
from vision.engines.kind import EngineKind, Precision, PrecisionKind
from vision.engines.precision import (
    MAX_DIFFERENCE,
    MIN_IMAGE_SIZE,
    has_bfloat16,
    has_int8,
    in_precision,
    rounded,
    rounding_difference,
    served_precision,
    wanted_precision,
)
from vision.engines.rounded_file import ROUNDED_FILES
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


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_vnni": True}, True), ({"avx512_vnni": False}, False), ({}, False)],
)
def test_integers_count_where_they_are_multiplied_and_added_at_once(
    capabilities: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_int8() is expected
    monkeypatch.setattr(quantizing, "is_available", lambda: False)
    assert not has_int8()


def test_a_torch_that_tells_no_capabilities_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bfloat16()
    assert not has_int8()


@pytest.mark.parametrize(
    ("precision", "kind", "device", "is_wanted"),
    [
        ("auto", "auto", "cpu", True),
        ("auto", "torch", "cpu", True),
        ("auto", "onnxruntime", "cpu", False),
        ("float32", "auto", "cpu", False),
        ("auto", "auto", "cuda", False),
    ],
)
def test_what_the_processor_has_is_wanted_where_nothing_speaks_against_it(
    precision: PrecisionKind,
    kind: EngineKind,
    device: str,
    is_wanted: bool,
    processor: Callable[[Precision], None],
) -> None:
    for has in get_args(Precision):
        processor(has)
        assert wanted_precision(precision, kind, device) == (has if is_wanted else "float32")


def test_bfloat16_is_nearer_to_what_was_trained_and_wanted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precisions, "has_int8", lambda: True)
    assert wanted_precision("auto", "auto", "cpu") == "bfloat16"


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_a_version_is_served_only_in_what_it_was_judged_in(
    precision: Precision, artifact: Artifact, processor: Callable[[Precision], None]
) -> None:
    judged = replace(artifact, precision=precision)
    for has in get_args(Precision):
        processor(has)
        assert served_precision(artifact, "auto", "auto") == "float32"
        assert served_precision(judged, "auto", "auto") == (has if has == precision else "float32")
        assert served_precision(judged, "float32", "auto") == "float32"


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_a_network_that_bears_it_gets_it(
    precision: Precision, artifact: Artifact, images: Tensor, processor: Callable[[Precision], None]
) -> None:
    processor(precision)
    judged = in_precision(artifact, images, precision)
    assert judged == rounded(artifact, images, precision)
    assert judged.precision == precision
    assert bool(judged.ranges) == (precision == "int8")
    assert 0 < rounding_difference(judged, images) <= MAX_DIFFERENCE[precision]
    assert in_precision(judged, images, "float32") == artifact


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_one_whose_confidences_move_stays_in_float32_with_a_warning(
    precision: Precision,
    artifact: Artifact,
    images: Tensor,
    processor: Callable[[Precision], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    processor(precision)
    # It can't decide about the first image, and is sure of each one that is a little different.
    undecided = (artifact.state["fc.bias"] - artifact.build()(images[:1])[0]).detach()
    sharp = replace(artifact, state={**artifact.state, "fc.bias": undecided}, temperature=1e-4)
    with caplog.at_level(logging.WARNING):
        kept = in_precision(sharp, images, precision)
    assert kept.precision == "float32"
    assert f"stays in float32: in {precision} a confidence differs by" in caplog.text


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_one_that_answers_no_numbers_stays_in_float32(
    precision: Precision,
    artifact: Artifact,
    images: Tensor,
    processor: Callable[[Precision], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    processor(precision)
    state = {**artifact.state, "fc.bias": torch.full((3,), torch.nan)}
    with caplog.at_level(logging.WARNING):
        kept = in_precision(replace(artifact, state=state), images, precision)
    assert kept.precision == "float32"
    assert "it fails or is no number" in caplog.text


def test_where_this_torch_has_other_operators_it_stays_in_float32(
    artifact: Artifact,
    images: Tensor,
    processor: Callable[[Precision], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(layer: quantizing.Quantized, given: Tensor, added: Tensor | None = None) -> Tensor:
        raise RuntimeError("onednn::qconv2d_pointwise() is missing value for argument 'algorithm'")

    processor("int8")
    monkeypatch.setattr(quantizing.Quantized, "forward", refuse)
    with caplog.at_level(logging.WARNING):
        kept = in_precision(artifact, images, "int8")
    assert kept.precision == "float32"
    assert "missing value for argument" in caplog.text
    assert "it fails or is no number" in caplog.text


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_small_images_stay_in_float32(precision: Precision, artifact: Artifact, images: Tensor) -> None:
    assert artifact.preprocessing.image_size == 32 < MIN_IMAGE_SIZE
    assert in_precision(artifact, images, precision).precision == "float32"


@pytest.mark.parametrize(
    ("backbone", "precision"),
    [("mobilenet_v2", "bfloat16"), ("mobilenet_v2", "int8"), ("densenet121", "int8")],
)
def test_networks_that_gain_nothing_stay_in_float32(
    backbone: str, precision: Precision, images: Tensor, processor: Callable[[Precision], None]
) -> None:
    processor(precision)
    other = Artifact(
        backbone=backbone,
        class_names=("ants", "bees"),
        preprocessing=preprocessing_for(backbone, 32),
        state=build_classifier(backbone, 2).state_dict(),
    )
    assert in_precision(other, images, precision).precision == "float32"
