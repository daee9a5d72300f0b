"""Measures what rounding changes: answers, accuracy and time of four networks on two sets of images."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import last_figures, record
from benchmarks.transfer import HYMENOPTERA, Task, cifar, hymenoptera
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.engines.engine import Engine
from vision.engines.openvino_engine import Threads, convert, openvino
from vision.engines.processor import has_dot_product, precisions_to_try
from vision.engines.quantization import quantize
from vision.engines.served_form import ServedForm, spread_evenly
from vision.evaluation import evaluate
from vision.image_set import LabelRecorder, PreparedImages
from vision.network import Weights
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

_REPEATS = 15


@dataclass(frozen=True, slots=True)
class Network:
    """A network and how it is trained: one without pretrained weights is trained in full for some epochs."""

    backbone: str
    weights: Weights
    image_sizes: dict[str, int]
    epochs: int | None = None

    def settings(self, task: str) -> TransferSettings:
        """Return how it is trained on a task."""
        strategy = "linear_probe" if self.weights != "none" else "full"
        return TransferSettings(self.backbone, self.weights, strategy, self.image_sizes[task], self.epochs)


NETWORKS = (
    Network("resnet18", "bundled", {"hymenoptera": 128, "cifar10": 64}),
    Network("efficientnet_lite0", "default", {"hymenoptera": 224, "cifar10": 128}),
    Network("resnet50", "none", {"hymenoptera": 96, "cifar10": 64}, epochs=4),
    Network("mobilenet_v3_large", "none", {"hymenoptera": 96, "cifar10": 64}, epochs=8),
)


def main() -> None:
    """Compare with float32 on images that nothing was chosen on; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE, help="the archive of CIFAR-10")
    parser.add_argument("--hymenoptera", type=Path, default=HYMENOPTERA, help="a folder of train/ and val/")
    parser.add_argument(
        "--networks",
        default=",".join(network.backbone for network in NETWORKS),
        help="some only, comma-separated; figures of others stay as they were measured",
    )
    arguments = parser.parse_args()
    wanted = arguments.networks.split(",")
    networks = [network for network in NETWORKS if network.backbone in wanted]
    figures = last_figures("precision") if len(networks) < len(NETWORKS) else {}
    figures["has_dot_product"] = has_dot_product()
    for task in (hymenoptera(arguments.hymenoptera), cifar(arguments.data)):
        for network in networks:
            name = f"{task.name} {network.backbone}"
            figures[name] = _compare(task, _trained(task, network))
            print(f"{name}: {figures[name]}", file=sys.stderr, flush=True)
    some = f" NETWORKS={arguments.networks}" if len(networks) < len(NETWORKS) else ""
    record("precision", figures, f"make bench-precision{some}")
    print(json.dumps(figures))


def _trained(task: Task, network: Network) -> Artifact:
    num_validation = round(0.15 * len(task.training))
    # The training images lie class by class.
    order = torch.randperm(len(task.training), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [task.training[index] for index in order]
    settings = network.settings(task.name)
    return transfer(shuffled[num_validation:], shuffled[:num_validation], task.class_names, settings).artifact


def _compare(task: Task, artifact: Artifact) -> dict[str, Any]:
    def prepared(images: Sequence[tuple[bytes, int]]) -> PreparedImages:
        return PreparedImages(images, augmented(artifact.preprocessing, "none"), ImageLimits())

    chosen = spread_evenly([label for _, label in task.training])
    calibration = prepared([task.training[index] for index in chosen])
    test = [prepared(task.test)[index] for index in range(len(task.test))]
    size = artifact.preprocessing.image_size
    exact = ServedForm(convert(artifact.build(), size), "float32")
    expected, labels = _confidences(exact.engine(Threads()), artifact, test)
    figures: dict[str, Any] = {
        "num_images": len(labels),
        "image_size": size,
        "float32": {
            "accuracy": _points(expected.argmax(dim=1) == labels),
            **_milliseconds(exact.engine(Threads()), size),
        },
    }
    for name, engine in _rounded(exact, calibration):
        answers, _ = _confidences(engine, artifact, test)
        figures[name] = {
            "accuracy": _points(answers.argmax(dim=1) == labels),
            "num_other_answers": int((answers.argmax(dim=1) != expected.argmax(dim=1)).sum()),
            "largest_difference": round(float((answers - expected).abs().max()), 4),
            **({} if "emulated" in name else _milliseconds(engine, size)),
        }
    return figures


def _rounded(exact: ServedForm, calibration: PreparedImages) -> list[tuple[str, Engine]]:
    """Return the rounded engines: those that this processor serves with, and int8 with exact sums."""
    is_full = has_dot_product()
    int8 = ServedForm(quantize(exact.model, calibration, has_dot_product=is_full), "int8", is_full)
    engines: list[tuple[str, Engine]] = [("int8", int8.engine(Threads()))]
    if "bfloat16" in precisions_to_try():
        engines.append(("bfloat16", replace(exact, precision="bfloat16").engine(Threads())))
    if not is_full:
        full = quantize(exact.model, calibration, has_dot_product=True)
        engines.append(("int8_with_dot_products_emulated", _Emulated(full)))
    return engines


class _Emulated:
    """Rounds where a quantized network does, and computes in float32: as if sums were exact."""

    name = "OpenVINO, int8 emulated"

    def __init__(self, model: Any) -> None:
        # An internal property, of this benchmark alone: it leaves the rounding as steps of their own.
        properties = {"LP_TRANSFORMS_MODE": "NO", "INFERENCE_PRECISION_HINT": "f32"}
        self._compiled = openvino().Core().compile_model(model, "CPU", properties)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = self._compiled([images.contiguous().numpy()]).values()
        return torch.from_numpy(logits.copy()), torch.from_numpy(embeddings.copy())


def _confidences(
    engine: Engine, artifact: Artifact, images: Sequence[tuple[Tensor, int]]
) -> tuple[Tensor, Tensor]:
    labelled = LabelRecorder(images)
    logits, _ = evaluate(engine, labelled)
    return torch.softmax(logits / artifact.temperature, dim=1), torch.tensor(labelled.labels)


def _milliseconds(engine: Engine, size: int) -> dict[str, float]:
    """Return the median milliseconds an image on one core, alone and in a batch of 8."""
    medians = {}
    for num in (1, 8):
        images, seconds = torch.zeros(num, 3, size, size), []
        for _ in range(_REPEATS):
            begun = time.perf_counter()
            engine(images)
            seconds.append(time.perf_counter() - begun)
        medians[f"milliseconds_batch_{num}"] = round(1000 * median(seconds) / num, 2)
    return medians


def _points(is_right: Tensor) -> float:
    return round(100 * float(is_right.double().mean()), 2)


if __name__ == "__main__":
    main()
