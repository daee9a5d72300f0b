"""Measures what a shift of domain costs, and how much of that each adaptation wins back: ants and bees.

The training set is normal. The target is the held-out photographs under `vision.adaptation.shifts`: grey,
noisy and with a colour cast. Adaptations that use images without labels get one half of it. Accuracies on the
target are of the other half; only `transductive` is of the half that was given.
"""

import argparse
import io
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
from PIL import Image

from benchmarks.record import commit, last_figures, record
from benchmarks.transfer import HYMENOPTERA
from benchmarks.transfer_runs import Pair
from vision.adaptation.shifts import shifted
from vision.adaptation.table import AdaptationName
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

BACKBONE = "efficientnet_lite0"
_VALIDATION = 0.15
_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True)
class Case:
    """One way to train; fine-tuning has fewer pixels and epochs, so that it takes minutes on a CPU."""

    name: str
    adaptations: tuple[AdaptationName, ...]
    strategy: str = "auto"
    image_size: int = 224
    epochs: int | None = None


#: The other cases of an image size are compared with its first one.
CASES = (
    Case("linear_probe", (), "linear_probe"),
    Case("augmentation", ("augmentation",), "linear_probe"),
    Case("batch_norm", ("batch_norm",), "linear_probe"),
    Case("augmentation+batch_norm", ("augmentation", "batch_norm"), "linear_probe"),
    Case("linear_probe_128", (), "linear_probe", 128),
    Case("full_128", (), "full", 128, 6),
    Case("warm_up_128", ("warm_up",), "auto", 128, 6),
    Case("unfreezing_128", ("unfreezing",), "auto", 128, 6),
    Case("augmentation_128", ("augmentation",), "linear_probe", 128),
    Case("augmentation+warm_up_128", ("augmentation", "warm_up"), "auto", 128, 6),
    Case("adversarial_128", ("adversarial",), "auto", 128, 6),
    Case("self_supervised_128", ("self_supervised",), "linear_probe", 128),
    Case("batch_norm_128", ("batch_norm",), "linear_probe", 128),
)


@dataclass(frozen=True, slots=True)
class World:
    """The cut of one seed.

    Attributes:
        clean: The held-out photographs as they are.
        given: Half of them, shifted: what adaptations may see, without labels.
        unseen: The other half, shifted.
    """

    class_names: tuple[str, ...]
    training: list[Pair]
    validation: list[Pair]
    clean: list[Pair]
    given: list[Pair]
    unseen: list[Pair]


def main() -> None:
    """Measure every case with every seed; the last line printed is one JSON object."""
    arguments = _arguments()
    cases = [case for case in CASES if arguments.cases is None or case.name in arguments.cases]
    runs: dict[str, list[dict[str, float]]] = {case.name: [] for case in cases}
    for seed in arguments.seeds:
        world = _world(arguments.hymenoptera, seed)
        for case in cases:
            runs[case.name].append(_run(world, case, seed))
            print(f"seed {seed}, {case.name}: {runs[case.name][-1]}", file=sys.stderr, flush=True)
    figures = {case.name: _summary(case, runs) for case in cases}
    if arguments.cases is not None:
        # The figures of the other cases stay, each with its commit.
        figures = last_figures("adaptation") | figures
    record("adaptation", figures, f"make bench-adaptation SEED={','.join(map(str, arguments.seeds))}")
    print(json.dumps(figures))


def _run(world: World, case: Case, seed: int) -> dict[str, float]:
    settings = TransferSettings(
        backbone=BACKBONE,
        strategy=case.strategy,
        image_size=case.image_size,
        epochs=case.epochs,
        adaptations=case.adaptations,
        seed=seed,
    )
    begun = time.monotonic()
    result = transfer(
        world.training, world.validation, world.class_names, settings, unlabelled=_without_labels(world.given)
    )
    seconds = time.monotonic() - begun
    return {
        "clean": _accuracy(result.artifact, world.clean),
        "shifted": _accuracy(result.artifact, world.unseen),
        "transductive": _accuracy(result.artifact, world.given),
        "seconds": round(seconds, 1),
    }


def _summary(case: Case, runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return each figure by seed with its mean, and the share of the shift's cost that was won back."""
    own_runs = runs[case.name]
    summary: dict[str, Any] = {
        "commit": commit(),
        "image_size": case.image_size,
        "adaptations": list(case.adaptations),
    }
    for key in own_runs[0]:
        by_seed = [run[key] for run in own_runs]
        summary[key] = {"mean": round(mean(by_seed), 2), "each": by_seed}
    base = next(
        (other.name for other in CASES if other.image_size == case.image_size and other.name in runs), None
    )
    if base is not None and base != case.name:
        cost = mean(run["clean"] - run["shifted"] for run in runs[base])
        won = mean(run["shifted"] for run in own_runs) - mean(run["shifted"] for run in runs[base])
        summary["compared_with"] = base
        summary["share_won_back"] = round(won / cost, 2)
    return summary


def _accuracy(artifact: Artifact, pairs: Sequence[Pair]) -> float:
    """Return the accuracy in points."""
    images = LabelRecorder(PreparedImages(pairs, augmented(artifact.preprocessing, "none"), _LIMITS))
    logits, _ = evaluate_logits(artifact.build(), images)
    return round(100 * float((logits.argmax(dim=1) == torch.tensor(images.labels)).double().mean()), 2)


def _world(folder: Path, seed: int) -> World:
    names = tuple(sorted(path.name for path in (folder / "train").iterdir() if path.is_dir()))
    train, held_out = (
        [
            (file.read_bytes(), label)
            for label, class_name in enumerate(names)
            for file in sorted((folder / part / class_name).iterdir())
        ]
        for part in ("train", "val")
    )
    order = np.random.default_rng(seed).permutation(len(train))
    shuffled = [train[index] for index in order]
    num_validation = round(_VALIDATION * len(train))
    moved = [_shifted(pair, (seed, index)) for index, pair in enumerate(held_out)]
    halves = np.random.default_rng(seed).permutation(len(moved))
    middle = len(moved) // 2
    return World(
        class_names=names,
        training=shuffled[num_validation:],
        validation=shuffled[:num_validation],
        clean=held_out,
        given=[moved[index] for index in halves[:middle]],
        unseen=[moved[index] for index in halves[middle:]],
    )


def _shifted(pair: Pair, key: Sequence[int]) -> Pair:
    content, label = pair
    buffer = io.BytesIO()
    shifted(Image.open(io.BytesIO(content)).convert("RGB"), key).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), label


def _without_labels(pairs: Sequence[Pair]) -> list[Pair]:
    return [(content, -1) for content, _ in pairs]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a shift costs, and which adaptation wins it back.")
    parser.add_argument(
        "--seed", dest="seeds", default=[0, 1, 2], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument("--cases", type=lambda text: text.split(","), help="some only, comma-separated")
    parser.add_argument("--hymenoptera", type=Path, default=HYMENOPTERA, help="a folder of train/ and val/")
    arguments = parser.parse_args()
    if not arguments.hymenoptera.exists():
        raise SystemExit(f"Expected data at {arguments.hymenoptera}; name it with --hymenoptera.")
    return arguments


if __name__ == "__main__":
    main()
