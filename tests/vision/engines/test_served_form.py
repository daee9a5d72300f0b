"""The form in which a version is judged and served."""

import logging
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import served_form
from vision.engines.kind import MODEL_FILE
from vision.engines.openvino_engine import Threads
from vision.engines.served_form import ServedForm, make_form, read_form, spread_evenly
from vision.errors import EngineUnavailableError

Calibration = list[tuple[Tensor, int]]
THREADS = Threads()


def test_in_int8_few_answers_change_and_the_form_comes_back_from_its_files(
    artifact: Artifact, int8: ServedForm, images: Tensor
) -> None:
    assert (int8.precision, int8.needs_dot_product) == ("int8", False)
    assert 0 <= int8.share_changed <= 0.03

    read = read_form(int8.to_files())

    assert read is not None
    assert (read.precision, read.needs_dot_product) == (int8.precision, int8.needs_dot_product)
    assert read.share_changed == int8.share_changed
    answers, expected = read.engine(THREADS)(images), int8.engine(THREADS)(images)
    assert all(torch.equal(*pair) for pair in zip(answers, expected, strict=True))
    exact = make_form(artifact, [], "float32", THREADS).engine(THREADS)(images)
    assert not torch.equal(answers[0], exact[0])
    torch.testing.assert_close(torch.softmax(answers[0], 1), torch.softmax(exact[0], 1), atol=0.05, rtol=0)


def test_full_8_bit_weights_run_only_where_their_sums_are_exact(
    artifact: Artifact, calibration: Calibration, processor: Callable[..., None]
) -> None:
    processor("avx512_vnni")
    # It is not compared with float32, because this processor's sums may not be exact.
    form = served_form._rounded(make_form(artifact, [], "float32", THREADS), calibration, "int8")
    assert form.needs_dot_product
    assert form.runs_here()
    processor("avx2")
    assert not form.runs_here()


def test_a_version_whose_answers_change_in_int8_is_served_in_bfloat16_with_a_warning(
    artifact: Artifact,
    calibration: Calibration,
    processor: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    processor("avx512_vnni", "avx512_bf16")
    inverted = replace(artifact, state={**artifact.state, "fc.weight": -artifact.state["fc.weight"]})
    other = make_form(inverted, calibration, "float32", THREADS)
    # This is as if integers were too coarse for the artifact.
    monkeypatch.setattr(served_form, "quantize", lambda model, images, has_dot_product: other.model)
    with caplog.at_level(logging.WARNING):
        form = make_form(artifact, calibration, "auto", THREADS)
    assert form.precision == "bfloat16"
    assert "not served in int8" in caplog.text
    assert "of 40 answers change, 3 % may" in caplog.text


@pytest.mark.parametrize(("margin", "precision"), [(1e-6, "float32"), (100.0, "int8")])
def test_rounding_is_judged_by_what_has_not_learnt_the_images(
    margin: float,
    precision: str,
    artifact: Artifact,
    calibration: Calibration,
    processor: Callable[..., None],
) -> None:
    processor("avx2")
    # The artifact's own answers to these images bear rounding; those of heads that never saw them may not.
    unseen = torch.tensor([[margin, 0.0, -1000.0], [0.0, margin, -1000.0]]).repeat(len(calibration) // 2, 1)
    assert make_form(artifact, calibration, "auto", THREADS, unseen).precision == precision


def test_without_nncf_a_version_stays_in_float32_with_a_warning(
    artifact: Artifact,
    calibration: Calibration,
    processor: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    processor("avx2")
    monkeypatch.setitem(sys.modules, "nncf", None)
    with caplog.at_level(logging.WARNING):
        assert make_form(artifact, calibration, "auto", THREADS).precision == "float32"
    assert "NNCF can quantize" in caplog.text


@pytest.mark.parametrize("reason", ["asked", "small", "no images"])
def test_nothing_is_rounded_where_float32_is_set_or_cannot_be_tried(
    reason: str, artifact: Artifact, calibration: Calibration, processor: Callable[..., None]
) -> None:
    if reason != "small":
        processor("avx512_vnni")
    images = [] if reason == "no images" else calibration
    form = make_form(artifact, images, "float32" if reason == "asked" else "auto", THREADS)
    assert (form.precision, form.share_changed) == ("float32", 0.0)


def test_a_form_of_a_precision_that_nobody_knows_is_refused(artifact: Artifact) -> None:
    files = make_form(artifact, [], "auto", THREADS).to_files()
    files[MODEL_FILE] = files[MODEL_FILE].replace(b'value="float32"', b'value="float4"')
    with pytest.raises(EngineUnavailableError, match="float4"):
        read_form(files)


def test_files_without_a_form_hold_none() -> None:
    assert read_form({"engine.onnx": b"of an earlier release"}) is None


def test_indices_are_spread_over_groups_and_within_them() -> None:
    groups = ["ant"] * 100 + ["bee"] * 4 + ["wasp"] * 100
    chosen = spread_evenly(groups, 24)
    counts = {name: sum(groups[index] == name for index in chosen) for name in set(groups)}
    assert counts == {"ant": 10, "bee": 4, "wasp": 10}
    assert [index for index in chosen if index < 100] == list(range(0, 100, 10))
    assert spread_evenly(groups, 1000) == list(range(204))
    assert spread_evenly([], 10) == []
    assert len(spread_evenly(range(1000), 300)) == 300
