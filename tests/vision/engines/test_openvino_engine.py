"""OpenVINO on the CPU gives the same answers as torch, for every network of the zoo."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines.openvino_engine import (
    OpenVinoEngine,
    Threads,
    build_engine,
    convert,
    from_bytes,
    openvino,
    to_bytes,
)
from vision.ensemble import Ensemble
from vision.errors import EngineUnavailableError
from vision.network import build_classifier
from vision.zoo import ZOO


@pytest.fixture
def engine(artifact: Artifact) -> OpenVinoEngine:
    return build_engine(convert(artifact.build(), 32), "float32", Threads(2, 2))


@pytest.mark.parametrize("num", [1, 2, 5])
def test_it_answers_what_the_classifier_answers(
    num: int, engine: OpenVinoEngine, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    for answer, reference in zip(engine(images[:num]), expected, strict=True):
        assert answer.dtype == torch.float32
        torch.testing.assert_close(answer, reference[:num], atol=1e-4, rtol=1e-4)


# These are tried each time, the whole zoo with the slow tests.
_OFTEN = {"efficientnet_b0", "mobilenet_v3_small", "resnet50"}


@pytest.mark.parametrize(
    "backbone",
    [pytest.param(name, marks=() if name in _OFTEN else pytest.mark.slow) for name in sorted(ZOO)],
)
def test_every_network_of_the_zoo_answers_as_with_torch(backbone: str) -> None:
    size = 96 if backbone.startswith(("alexnet", "densenet")) else 64
    classifier = build_classifier(backbone, 3).eval()
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        expected = classifier.classify(images)
    answers = build_engine(convert(classifier, size), "float32", Threads(1, 2))(images)
    for answer, reference in zip(answers, expected, strict=True):
        scale = float(reference.abs().max())
        torch.testing.assert_close(answer, reference, atol=1e-3 * scale, rtol=1e-3)


@pytest.mark.parametrize("num_own_groups", [1, 2])
def test_an_ensemble_answers_as_with_torch(num_own_groups: int, images: Tensor) -> None:
    members = [build_classifier("resnet18", 3) for _ in range(2)]
    # They share the blocks of the first one.
    ensemble = Ensemble(members, num_own_groups).eval()
    with torch.inference_mode():
        expected = ensemble.classify(images)
    answers = build_engine(convert(ensemble, 32), "float32", Threads())(images)
    for answer, reference in zip(answers, expected, strict=True):
        torch.testing.assert_close(answer, reference, atol=1e-4, rtol=1e-4)


def test_calls_may_overlap_and_keep_their_answers(engine: OpenVinoEngine, images: Tensor) -> None:
    alone = [engine(image.unsqueeze(0))[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: engine(images[number % 5].unsqueeze(0))[0], range(100)))
    for number, answer in enumerate(together):
        torch.testing.assert_close(answer, alone[number % 5])


def test_a_network_outlives_the_weights_that_it_was_converted_from(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    model = convert(artifact.build(), 32)
    gc.collect()
    filler = [torch.full_like(tensor, 7) for tensor in artifact.state.values() if tensor.is_floating_point()]
    logits, _ = build_engine(model, "float32", Threads())(images)
    assert filler
    torch.testing.assert_close(logits, expected[0], atol=1e-4, rtol=1e-4)


def test_what_was_written_answers_the_same_to_the_bit(
    engine: OpenVinoEngine, artifact: Artifact, images: Tensor
) -> None:
    read = from_bytes(*to_bytes(convert(artifact.build(), 32)))
    answers = build_engine(read, "float32", Threads(2, 2))(images)
    for answer, reference in zip(answers, engine(images), strict=True):
        assert torch.equal(answer, reference)


def test_what_was_exported_answers_the_same_to_the_bit_on_other_threads(
    engine: OpenVinoEngine, images: Tensor
) -> None:
    again = build_engine(engine.export(), "float32", Threads(1, 1))
    for answer, reference in zip(again(images), engine(images), strict=True):
        assert torch.equal(answer, reference)


def test_a_broken_export_is_refused() -> None:
    with pytest.raises(EngineUnavailableError, match="compiled network"):
        build_engine(b"broken", "float32", Threads())


def test_a_broken_file_is_refused_with_the_release_that_could_not_read_it() -> None:
    with pytest.raises(EngineUnavailableError, match=r"OpenVINO \S+ reads, it refuses"):
        from_bytes(b"no description", b"")


def test_a_network_that_cannot_be_converted_is_named(artifact: Artifact) -> None:
    classifier = artifact.build()
    classifier.network.conv1.stride = (0, 0)  # type: ignore[assignment]  # what no network does
    with pytest.raises(EngineUnavailableError, match="resnet18 can't be"):
        convert(classifier, 32)


def test_without_openvino_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineUnavailableError, match="PERENNIAL_ENGINE=torch"):
        openvino()


_SILENT = """
import sys
tried = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        tried.append((event, arguments[1:]))
sys.addaudithook(watch)
import torch
from vision.engines.openvino_engine import Threads, build_engine, convert
from vision.engines.quantization import quantize
from vision.network import build_classifier
torch.set_num_threads(1)
model = convert(build_classifier("resnet18", 2).eval(), 32)
images = [(torch.randn(3, 32, 32), 0) for _ in range(2)]
build_engine(quantize(model, images, has_dot_product=True), "int8", Threads())(torch.randn(1, 3, 32, 32))
assert not tried, tried
assert sys.modules["openvino_telemetry"] is None
print("silent")
"""


@pytest.mark.slow
def test_conversions_and_quantisations_are_not_reported_to_anybody(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    completed = subprocess.run(
        [sys.executable, "-c", _SILENT],
        # A home in which nobody has consented to reports or refused them.
        env={"HOME": str(tmp_path), "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.stdout == "silent\n", completed.stdout + completed.stderr
    assert list(tmp_path.iterdir()) == []
