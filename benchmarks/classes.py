"""Two new classes among known ones, learnt by a round of the product; prints one JSON line last."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from sqlalchemy import select

from benchmarks.continual.exams import Exams
from benchmarks.continual.ours import production_artifact
from benchmarks.loop.users import print_progress
from benchmarks.photographs import DEFAULT_ARCHIVE, Photograph, read_by_class, turns, write_folder
from benchmarks.record import record
from benchmarks.sending import send
from benchmarks.serving.filling import state_of
from benchmarks.serving.servers import ROOT, clean_environment, run_perennial
from store.database.schema import labels, round_samples, samples
from store.state import State
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.grown_head import grown, new_rows
from vision.image_set import PreparedImages
from vision.network import Classifier
from vision.training.training import TrainingSettings, fit

CACHE = Path(__file__).parent / "cache" / "classes"

IMAGE_SIZE = 128
NUM_INITIAL, NUM_KNOWN, NUM_OF_NEW_CLASS = 4800, 384, 60
NUM_CLASSES, NUM_NEW_CLASSES = 10, 2
# What a round takes, so that joint training takes as many steps.
_EPOCHS, _BATCH, _RATE = 6, 32, 1e-4
_MAX_OTHERS = 500

Pair = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class World:
    """What is learnt first, what is sent then, and unseen pictures of old and new classes."""

    initial: tuple[Photograph, ...]
    feedback: tuple[Photograph, ...]
    unseen: dict[str, tuple[Photograph, ...]]
    new_classes: tuple[str, ...]


def main() -> None:
    """Measure each seed."""
    arguments = _arguments()
    runs = [_run(seed, arguments.data) for seed in arguments.seeds]
    figures: dict[str, Any] = {
        name: round(mean(run[name] for run in runs), 2)
        for name in ("recall_new", "old_drop_pp", "joint_recall_new", "joint_old_drop_pp", "cpu_seconds")
    }
    figures["states"] = [run["state"] for run in runs]
    record(
        "classes", {**figures, "runs": runs}, f"make bench-classes SEED={','.join(map(str, arguments.seeds))}"
    )
    print(json.dumps(figures))


def make_world(archive: Path, seed: int) -> World:
    """Cut an archive of photographs: eight of its classes first, the two others later.

    Args:
        archive: A tar of `train/CLASS/*` and `test/CLASS/*`.
        seed: Decides which classes are new, and which picture is where.
    """
    rng = np.random.default_rng(seed)
    train, test = (read_by_class(archive, part, rng) for part in ("train", "test"))
    names = [str(name) for name in rng.permutation(sorted(train))][:NUM_CLASSES]
    new, old = names[:NUM_NEW_CLASSES], sorted(names[NUM_NEW_CLASSES:])
    of_old = {name: train[name] for name in old}
    sent = [
        *turns(of_old, NUM_INITIAL, NUM_INITIAL + NUM_KNOWN),
        *(photograph for name in new for photograph in train[name][:NUM_OF_NEW_CLASS]),
    ]
    return World(
        initial=turns(of_old, 0, NUM_INITIAL),
        feedback=tuple(sent[index] for index in rng.permutation(len(sent))),
        unseen={
            "old": tuple(photograph for name in old for photograph in test[name]),
            "new": tuple(photograph for name in new for photograph in test[name]),
        },
        new_classes=tuple(new),
    )


def _run(seed: int, archive: Path) -> dict[str, Any]:
    world = make_world(archive, seed)
    home = CACHE / f"seed-{seed}-{len(world.initial)}"
    print_progress(
        f"seed {seed}: training on {len(world.initial)} photographs; new are {', '.join(world.new_classes)}"
    )
    _train_start(world.initial, home)
    with tempfile.TemporaryDirectory(prefix="perennial-classes-") as folder:
        environment = clean_environment() | {"PERENNIAL_HOME": str(Path(folder) / "home")}
        shutil.copytree(home, Path(folder) / "home")
        with state_of(environment) as state:
            start = production_artifact(state)
        ended, learnt = _learn(world, environment)
        with state_of(environment) as state:
            after = production_artifact(state)
    old = Exams(start, {"old": world.unseen["old"]})
    before = old.accuracies(start.build())["old"]
    ours = _measured(after, after.build(), world, before)
    print_progress(f"ours: {ended['state']}, {ours} ({ended['reason']})")
    with_classes, network = _joint(start, world, learnt, seed)
    joint = _measured(with_classes, network, world, before)
    print_progress(f"joint: {joint}")
    return {
        "seed": seed,
        "state": ended["state"],
        "start_accuracy": before,
        **ours,
        **{f"joint_{name}": value for name, value in joint.items()},
        "cpu_seconds": ended["cpu_seconds"],
        "num_learnt": len(learnt),
    }


def _train_start(photographs: Sequence[Photograph], home: Path) -> None:
    """Train the head of a pretrained network, as users do who have few images; unless it is there."""
    if (home / "perennial.db").exists():
        return
    images = home.with_name(f"{home.name}-images")
    write_folder(photographs, images)
    environment = clean_environment() | {"PERENNIAL_HOME": str(home)}
    network = ("--backbone", "efficientnet_lite0", "--image-size", str(IMAGE_SIZE))
    run_perennial(environment, "train", str(images), *network, "--strategy", "linear_probe")
    shutil.rmtree(images)


def _learn(world: World, environment: dict[str, str]) -> tuple[dict[str, Any], list[Pair]]:
    """Send the feedback of two sources, accept the new classes, and run a round; return what it learnt."""
    with state_of(environment) as state:
        for number, source in enumerate(("phone", "desk")):
            send(state, world.feedback[number::2], is_trusted=True, source=source)
    for name in world.new_classes:
        run_perennial(environment, "classes", "accept", name)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale.one_round"],
        env=environment, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The round failed:\n{done.stderr[-4000:]}")
    with state_of(environment) as state:
        return json.loads(done.stdout.splitlines()[-1]), _learnt(state)


def _learnt(state: State) -> list[Pair]:
    query = (
        select(samples.c.sha256, labels.c.label)
        .select_from(round_samples.join(samples, samples.c.id == round_samples.c.sample_id))
        .join(labels, labels.c.id == round_samples.c.label_revision)
        .where(round_samples.c.role == "train")
    )
    with state.database.read() as connection:
        rows = connection.execute(query.order_by(samples.c.id)).all()
    return [(state.blobs.get(sha256), label) for sha256, label in rows]


def _joint(start: Artifact, world: World, learnt: Sequence[Pair], seed: int) -> tuple[Artifact, Classifier]:
    """Train the start, its head grown alike, on all old and new pictures, for the steps of a round."""
    names = (*start.class_names, *world.new_classes)
    old = [(each.content, names.index(each.label)) for each in world.initial]
    new = [(content, names.index(label)) for content, label in learnt]

    def images(pairs: Sequence[tuple[bytes, int]], *, is_varied: bool = False) -> PreparedImages:
        variation = augmented(start.preprocessing, "gentle" if is_varied else "none", seed)
        return PreparedImages(pairs, variation, ImageLimits())

    of_classes = [
        images([pair for pair in new if pair[1] == names.index(name)]) for name in world.new_classes
    ]
    [rows] = new_rows(start.build(), of_classes, images(old[:_MAX_OTHERS]))
    artifact = grown(start, names, [dict(zip(world.new_classes, rows, strict=True))])
    network = artifact.build()
    # The round's passes over new and as many replayed, in passes over all.
    rng = np.random.default_rng(seed)
    every = [*old, *new]
    num_seen = 2 * _EPOCHS * len(new)
    drawn = [index for _ in range(-(-num_seen // len(every))) for index in rng.permutation(len(every))]
    settings = TrainingSettings(
        epochs=1, batch_size=_BATCH, learning_rate=_RATE, optimizer="adamw", weight_decay=1e-2,
        schedule="cosine", keeps_best=False, keeps_statistics=True, in_pieces=True, seed=seed,
    )  # fmt: skip
    training = images([every[index] for index in drawn[:num_seen]], is_varied=True)
    fit(network, training, images(new), settings)
    return artifact, network


def _measured(artifact: Artifact, network: Classifier, world: World, before: float) -> dict[str, float]:
    """Return recall of the new classes, and how many points old accuracy lost."""
    known = set(artifact.class_names)
    exams = Exams(
        artifact,
        {
            "old": world.unseen["old"],
            "new": tuple(each for each in world.unseen["new"] if each.label in known),
        }
        if known >= set(world.new_classes)
        else {"old": world.unseen["old"]},
    )
    accuracy = exams.accuracies(network)
    return {
        "recall_new": round(accuracy.get("new", 0.0) / 100, 4),
        "old_drop_pp": round(before - accuracy["old"], 2),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
