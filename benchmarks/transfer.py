"""Measures what pretrained features are worth with few images: ants and bees, CIFAR-10 with 100 a class."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.photographs import DEFAULT_ARCHIVE, make_world
from benchmarks.record import commit, last_figures, record
from benchmarks.transfer_runs import Measured, Pair, accuracies, calibration, chosen, ensemble, run_transfer
from vision.errors import WeightsUnavailableError
from vision.network import Weights
from vision.transfer_settings import TransferSettings

HYMENOPTERA = DEFAULT_ARCHIVE.parent / "hymenoptera"
NUM_MEMBERS = 3


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
    # The figures of other starts stay, each with its commit.
    figures: dict[str, Any] = last_figures("transfer") if arguments.starts is not None else {}
    figures.setdefault("seconds", {})
    starts = [start for start in STARTS if arguments.starts is None or start.name in arguments.starts]
    for task in (hymenoptera(arguments.hymenoptera), cifar(arguments.data)):
        figures.setdefault(task.name, {})
        figures["seconds"].setdefault(task.name, {})
        for start in starts:
            by_strategy, seconds = _measure(task, start, arguments)
            figures[task.name][start.name] = by_strategy
            figures["seconds"][task.name][start.name] = seconds
    seeds = ",".join(map(str, arguments.seeds))
    strategies, ensembles = ",".join(arguments.strategies), ",".join(arguments.ensembles)
    command = f"make bench-transfer SEED={seeds} STRATEGIES={strategies} ENSEMBLES={ensembles}"
    record("transfer", figures, command)
    print(json.dumps(figures))


def _measure(
    task: Task, start: Start, arguments: argparse.Namespace
) -> tuple[dict[str, Any] | None, dict[str, float]]:
    """Return a start's figures by strategy, and its seconds a run; None where its weights can't be had."""
    seconds: dict[str, float] = {}
    try:
        by_strategy = _runs(
            task, start, _strategies(start, arguments.strategies), 1, arguments.seeds, seconds
        )
        ensembles = _runs(task, start, arguments.ensembles, NUM_MEMBERS, arguments.seeds, seconds)
    except WeightsUnavailableError as error:
        print(f"{task.name}, {start.name}: {error}", file=sys.stderr, flush=True)
        return None, {}
    figures: dict[str, Any] = {"commit": commit()}
    figures |= {strategy: accuracies(runs) for strategy, runs in by_strategy.items()}
    if start.weights != "none" and len(by_strategy) > 1:
        figures["chosen"] = chosen(by_strategy)
    figures["calibration"] = {strategy: calibration(runs) for strategy, runs in by_strategy.items()}
    figures["ensemble"] = {strategy: ensemble(runs) for strategy, runs in ensembles.items()}
    return figures, seconds


def _strategies(start: Start, strategies: Sequence[str]) -> Sequence[str]:
    """Return the strategies to measure; without pretrained weights they are always the same two."""
    return strategies if start.weights != "none" else ("linear_probe", "full")


def _runs(
    task: Task,
    start: Start,
    strategies: Sequence[str],
    num_members: int,
    seeds: Sequence[int],
    seconds: dict[str, float],
) -> dict[str, list[Measured]]:
    """Return the runs of each strategy, one for each seed, and note the median seconds of one."""
    by_strategy: dict[str, list[Measured]] = {}
    for strategy in strategies:
        by_strategy[strategy] = [_run(task, start, strategy, seed, num_members) for seed in seeds]
        name = strategy if num_members == 1 else f"ensemble_{strategy}"
        seconds[name] = round(median(run.seconds for run in by_strategy[strategy]), 1)
        summary = f"{accuracies(by_strategy[strategy])}, {seconds[name]} s"
        print(f"{task.name}, {start.name}, {name}: {summary}", file=sys.stderr, flush=True)
    return by_strategy


def _run(task: Task, start: Start, strategy: str, seed: int, num_members: int) -> Measured:
    settings = TransferSettings(
        backbone=start.backbone,
        weights=start.weights,
        strategy=strategy,
        image_size=task.image_sizes[start.backbone],
        seed=seed,
        num_members=num_members,
    )
    return run_transfer(task.training, task.test, task.class_names, settings)


def hymenoptera(folder: Path) -> Task:
    """Return the ants and bees; their folder `val` is the test."""
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


def cifar(archive: Path) -> Task:
    """Return CIFAR-10 with 100 training images a class."""
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
    parser.add_argument(
        "--ensembles",
        default=["linear_probe"],
        type=lambda text: text.split(",") if text else [],
        help="strategies to measure an ensemble of, comma-separated",
    )
    parser.add_argument(
        "--starts", type=lambda text: text.split(","), help="some only, comma-separated; all without"
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
