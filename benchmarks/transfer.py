"""What pretrained features are worth with few images: ants and bees, and CIFAR-10 with 100 a class."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

from benchmarks.photographs import DEFAULT_ARCHIVE, make_world
from benchmarks.record import record
from vision.augmentation import augmented
from vision.errors import WeightsUnavailableError
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.network import Weights
from vision.preprocessing import ImageLimits
from vision.transfer import TransferSettings, transfer

HYMENOPTERA = DEFAULT_ARCHIVE.parent / "hymenoptera"
_VALIDATION = 0.15

Pair = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Task:
    """Images with their classes; nothing is chosen on `test`.

    Attributes:
        image_sizes: Side of the network's input in pixels by network.
    """

    name: str
    class_names: tuple[str, ...]
    training: list[Pair]
    test: list[Pair]
    image_sizes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a transfer starts from."""

    name: str
    backbone: str
    weights: Weights


STARTS = (
    Start("none", "resnet18", "none"),
    Start("bundled", "resnet18", "bundled"),
    Start("efficientnet_lite0", "efficientnet_lite0", "default"),
    Start("default", "resnet18", "default"),
)


def main() -> None:
    """Measure every start by every strategy; the last line printed is one JSON object."""
    arguments = _arguments()
    figures: dict[str, Any] = {"seconds": {}}
    for task in (_hymenoptera(arguments.hymenoptera), _cifar(arguments.data)):
        figures[task.name] = {}
        figures["seconds"][task.name] = {}
        for start in STARTS:
            for strategy in arguments.strategies:
                _measure(task, start, strategy, arguments.seeds, figures)
    command = f"make bench-transfer SEED={','.join(map(str, arguments.seeds))}"
    record("transfer", figures, f"{command} STRATEGIES={','.join(arguments.strategies)}")
    print(json.dumps(figures))


def _measure(task: Task, start: Start, strategy: str, seeds: Sequence[int], figures: dict[str, Any]) -> None:
    """Note the means over the seeds; a start whose weights can't be had is noted as None."""
    begun = time.monotonic()
    try:
        runs = [_run(task, start, strategy, seed) for seed in seeds]
    except WeightsUnavailableError as error:
        print(f"{task.name}, {start.name}: {error}", file=sys.stderr, flush=True)
        figures[task.name][start.name] = None
        return
    seconds = (time.monotonic() - begun) / len(seeds)
    accuracies = [accuracy for accuracy, _ in runs]
    found = {
        "accuracy": round(mean(accuracies), 2),
        "each": accuracies,
        "validation": round(mean(validation for _, validation in runs), 2),
    }
    figures[task.name].setdefault(start.name, {})[strategy] = found
    figures["seconds"][task.name].setdefault(start.name, {})[strategy] = round(seconds, 1)
    print(f"{task.name}, {start.name}, {strategy}: {found}, {seconds:.0f} s", file=sys.stderr, flush=True)


def _run(task: Task, start: Start, strategy: str, seed: int) -> tuple[float, float]:
    """Return accuracy on test and on validation, in points."""
    order = np.random.default_rng(seed).permutation(len(task.training))
    shuffled = [task.training[index] for index in order]
    num_validation = round(_VALIDATION * len(shuffled))
    settings = TransferSettings(
        backbone=start.backbone,
        weights=start.weights,
        strategy=strategy,
        image_size=task.image_sizes[start.backbone],
        seed=seed,
    )
    result = transfer(shuffled[num_validation:], shuffled[:num_validation], task.class_names, settings)
    plain = augmented(result.artifact.preprocessing, "none")
    images = LabelRecorder(PreparedImages(task.test, plain, ImageLimits()))
    logits, _ = evaluate_logits(result.artifact.build(), images)
    accuracy = float((logits.argmax(dim=1) == torch.tensor(images.labels)).double().mean())
    return round(100 * accuracy, 2), round(100 * result.validation_accuracy, 2)


def _hymenoptera(folder: Path) -> Task:
    names = tuple(sorted(path.name for path in (folder / "train").iterdir() if path.is_dir()))

    def part(name: str) -> list[Pair]:
        return [
            (file.read_bytes(), label)
            for label, class_name in enumerate(names)
            for file in sorted((folder / name / class_name).iterdir())
        ]

    return Task(
        "hymenoptera", names, part("train"), part("val"), {"resnet18": 128, "efficientnet_lite0": 224}
    )


def _cifar(archive: Path) -> Task:
    world = make_world(archive, 0, num_initial=1000, num_feedback=10, num_unseen=1500)
    names = tuple(sorted({photograph.label for photograph in world.initial}))

    def pairs(photographs: Sequence[Any]) -> list[Pair]:
        return [(photograph.content, names.index(photograph.label)) for photograph in photographs]

    sizes = {"resnet18": 64, "efficientnet_lite0": 128}
    return Task("cifar10", names, pairs(world.initial), pairs(world.unseen_old), sizes)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0, 1, 2], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument(
        "--strategies", default=["linear_probe"], type=lambda text: text.split(","), help="comma-separated"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE, help="the archive of CIFAR-10")
    parser.add_argument("--hymenoptera", type=Path, default=HYMENOPTERA, help="a folder of train/ and val/")
    arguments = parser.parse_args()
    for path in (arguments.data, arguments.hymenoptera):
        if not path.exists():
            raise SystemExit(f"Expected data at {path}; name it with --data and --hymenoptera.")
    return arguments


if __name__ == "__main__":
    main()
