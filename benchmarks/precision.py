"""What rounding changes: the answers of a ResNet-18 on ants and bees and on CIFAR-10, beside float32."""

import argparse
import json
import sys
from collections.abc import Sequence
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
from vision.engines.making import some_images
from vision.engines.precision import rounded, wanted_precision
from vision.engines.rounded_file import ROUNDED_FILES, engine_from_weights
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
    served = wanted_precision("auto", "auto", "cpu")
    default = "bfloat16" if served == "float32" else served
    parser.add_argument("--precision", choices=[*ROUNDED_FILES], default=default, help="(%(default)s)")
    arguments = parser.parse_args()
    precision: Precision = arguments.precision
    figures: dict[str, Any] = {
        "strategy": arguments.strategy,
        "precision": precision,
        "processor_gains_by_it": precision == served,
    }
    for task in (hymenoptera(arguments.hymenoptera), cifar(arguments.data)):
        figures[task.name] = _compare(task, _trained(task, arguments.strategy), precision)
        print(f"{task.name}: {figures[task.name]}", file=sys.stderr, flush=True)
    record(f"precision_{precision}", figures, "make bench-precision")
    print(json.dumps(figures))


def _trained(task: Task, strategy: str) -> Artifact:
    num_validation = round(0.15 * len(task.training))
    # The training images lie class by class.
    order = torch.randperm(len(task.training), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [task.training[index] for index in order]
    settings = TransferSettings(weights="bundled", strategy=strategy, image_size=task.image_sizes["resnet18"])
    return transfer(shuffled[num_validation:], shuffled[:num_validation], task.class_names, settings).artifact


def _compare(task: Task, artifact: Artifact, precision: Precision) -> dict[str, float]:
    def prepared(images: Sequence[Any]) -> PreparedImages:
        return PreparedImages(images, augmented(artifact.preprocessing, "none"), ImageLimits())

    # Its training images lie class by class.
    ranging = some_images(prepared(task.training[:: max(1, len(task.training) // 64)]))
    exact, labels = _confidences(artifact, prepared(task.test))
    found, _ = _confidences(rounded(artifact, ranging, precision), prepared(task.test))
    return {
        "num_images": len(labels),
        "image_size": artifact.preprocessing.image_size,
        "accuracy_float32": _points(exact.argmax(dim=1) == labels),
        "accuracy_rounded": _points(found.argmax(dim=1) == labels),
        "num_other_answers": int((exact.argmax(dim=1) != found.argmax(dim=1)).sum()),
        "largest_difference": round(float((exact - found).abs().max()), 4),
        "mean_difference": round(float((exact - found).abs().mean()), 5),
    }


def _confidences(artifact: Artifact, images: PreparedImages) -> tuple[Tensor, Tensor]:
    labelled = LabelRecorder(images)
    logits, _ = evaluate(engine_from_weights(artifact), labelled)
    return torch.softmax(logits / artifact.temperature, dim=1), torch.tensor(labelled.labels)


def _points(is_right: Tensor) -> float:
    return round(100 * float(is_right.double().mean()), 2)


if __name__ == "__main__":
    main()
