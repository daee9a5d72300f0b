"""Torch on the CPU: the same answers with fewer steps."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines import packing
from vision.engines.torch_engine import TorchEngine


def test_it_answers_what_the_classifier_answers(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    answers = TorchEngine(artifact.build())(images)
    for found, wanted in zip(answers, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_without_the_operators_of_onednn_it_answers_the_same(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "is_available", lambda _dtype: False)
    engine = TorchEngine(artifact.build())
    assert not any(isinstance(module, packing.Packed) for module in engine.network.modules())
    torch.testing.assert_close(engine(images)[0], expected[0], atol=1e-4, rtol=1e-4)


def test_in_bfloat16_it_answers_nearly_the_same_in_float32(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    engine = TorchEngine(artifact.build(), "bfloat16")
    assert engine.name == "torch in bfloat16"
    for found, wanted in zip(engine(images), expected, strict=True):
        assert found.dtype == torch.float32
        # Eight bits of mantissa.
        assert float((found - wanted).abs().max()) < 0.02 * float(wanted.abs().max())
        assert not torch.equal(found, wanted)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_weights_of_whom_it_took_over_stay_as_they_are(artifact: Artifact, precision: Any) -> None:
    before = {name: tensor.clone() for name, tensor in artifact.state.items()}
    TorchEngine(artifact.build(shares_weights=True), precision)
    assert all(torch.equal(tensor, before[name]) for name, tensor in artifact.state.items())


def test_a_version_that_is_loaded_harms_no_answer_meanwhile(artifact: Artifact, images: Tensor) -> None:
    engine = TorchEngine(artifact.build())
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(lambda: [TorchEngine(artifact.build()) for _ in range(5)])
        while not loading.done():
            engine(images)
        assert len(loading.result()) == 5


def test_calls_may_overlap(artifact: Artifact, images: Tensor) -> None:
    engine = TorchEngine(artifact.build())
    alone = [engine(image.unsqueeze(0))[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine(image.unsqueeze(0))[0], images))
    for found, wanted in zip(together, alone, strict=True):
        torch.testing.assert_close(found, wanted)
