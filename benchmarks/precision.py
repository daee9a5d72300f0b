"""What bfloat16 changes: the answers of a ResNet-18 on ants and bees and on CIFAR-10, beside float32."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import record
from benchmarks.transfer import HYMENOPTERA, Task, cifar, hymenoptera
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.engines.kind import Precision
from vision.engines.precision import has_bfloat16
from vision.engines.torch_engine import TorchEngine
from vision.evaluation import evaluate
from vision.image_set import LabelRecorder, PreparedImages
from vision.preprocessing import ImageLimits
from vision.transfer import TransferSettings, transfer


def main() -> None:
    """Compare both precisions on images that nothing was chosen on; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE, help="the archive of CIFAR-10")
    parser.add_argument("--hymenoptera", type=Path, default=HYMENOPTERA, help="a folder of train/ and val/")
    parser.add_argument("--strategy", default="linear_probe")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"strategy": arguments.strategy, "processor_has_it": has_bfloat16()}
    for task in (hymenoptera(arguments.hymenoptera), cifar(arguments.data)):
        figures[task.name] = _compare(task, _trained(task, arguments.strategy))
        print(f"{task.name}: {figures[task.name]}", file=sys.stderr, flush=True)
    record("precision", figures, "make bench-precision")
    print(json.dumps(figures))


def _trained(task: Task, strategy: str) -> Artifact:
    num_validation = round(0.15 * len(task.training))
    # The training images lie class by class.
    order = torch.randperm(len(task.training), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [task.training[index] for index in order]
    settings = TransferSettings(weights="bundled", strategy=strategy, image_size=task.image_sizes["resnet18"])
    return transfer(shuffled[num_validation:], shuffled[:num_validation], task.class_names, settings).artifact


def _compare(task: Task, artifact: Artifact) -> dict[str, float]:
    images = PreparedImages(task.test, augmented(artifact.preprocessing, "none"), ImageLimits())
    exact, labels = _confidences(artifact, images, "float32")
    rounded, _ = _confidences(artifact, images, "bfloat16")
    return {
        "num_images": len(labels),
        "accuracy_float32": _points(exact.argmax(dim=1) == labels),
        "accuracy_bfloat16": _points(rounded.argmax(dim=1) == labels),
        "num_other_answers": int((exact.argmax(dim=1) != rounded.argmax(dim=1)).sum()),
        "largest_difference": round(float((exact - rounded).abs().max()), 4),
        "mean_difference": round(float((exact - rounded).abs().mean()), 5),
    }


def _confidences(artifact: Artifact, images: PreparedImages, precision: Precision) -> tuple[Tensor, Tensor]:
    labelled = LabelRecorder(images)
    logits, _ = evaluate(TorchEngine(artifact.build(), precision), labelled)
    return torch.softmax(logits / artifact.temperature, dim=1), torch.tensor(labelled.labels)


def _points(is_right: Tensor) -> float:
    return round(100 * float(is_right.double().mean()), 2)


if __name__ == "__main__":
    main()
