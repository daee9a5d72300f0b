"""Seconds and memory of a round by new samples, by old samples to replay from, and by slices to judge on."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from benchmarks.photographs import Photograph, World, make_world, write_folder
from benchmarks.sending import send
from benchmarks.serving.filling import state_of
from benchmarks.serving.servers import ROOT, clean_environment, run_perennial
from store.database.schema import samples
from store.registry import production
from store.slices import add_slice
from store.state import State

IMAGE_SIZE = 64
NEW = (125, 250, 500, 1000)
OLD = (500, 2000, 8000)
SLICES = (0, 10, 40)
#: The values of the others while one varies.
NUM_NEW, NUM_OLD = 250, 2000
IMAGES_PER_SLICE = 40


def rounds(archive: Path, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the curves, each round on a fresh copy of a home: ResNet-18 at 64 pixels, three epochs."""
    num_later = max(NEW) + max(SLICES) * IMAGES_PER_SLICE
    world = make_world(archive, 0, num_initial=max(OLD), num_feedback=num_later, num_unseen=10)
    homes = {num_old: _train(world, num_old, folder) for num_old in OLD}
    return {
        "by_new_samples": [_run(homes[NUM_OLD], world, new=num, slices=0) for num in NEW],
        "by_old_samples": [_run(homes[num], world, new=NUM_NEW, slices=0) for num in OLD],
        "by_slices": [_run(homes[NUM_OLD], world, new=NUM_NEW, slices=num) for num in SLICES],
    }


def _train(world: World, num_old: int, folder: Path) -> Path:
    images, home = folder / f"images-{num_old}", folder / f"old-{num_old}"
    # The cut is even over the classes, and so is every tenth, or fourth, picture of it.
    write_folder(world.initial[:: len(world.initial) // num_old], images)
    run_perennial(
        clean_environment() | {"PERENNIAL_HOME": str(home)},
        *("train", str(images), "--weights", "bundled", "--strategy", "linear_probe"),
        *("--image-size", str(IMAGE_SIZE)),
    )
    return home


def _run(home: Path, world: World, *, new: int, slices: int) -> dict[str, Any]:
    copy = home.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy)
    environment = clean_environment() | {"PERENNIAL_HOME": str(copy)}
    with state_of(environment) as state:
        send(state, world.feedback[:new])
        _slice(state, world.feedback[max(NEW) :], slices)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale.one_round"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"The round failed:\n{done.stderr[-4000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    point = {"new": new, "old": int(home.name.removeprefix("old-")), "slices": slices, **result}
    print(point, file=sys.stderr, flush=True)
    return point


def _slice(state: State, photographs: Sequence[Photograph], num: int) -> None:
    """Add slices of holdout samples that production has seen, as promoted rounds leave them."""

    def add(connection: Connection, name: str, ids: Sequence[int]) -> None:
        champion = production(connection)
        lineage = 1 if champion is None else champion.lineage
        connection.execute(update(samples).where(samples.c.id.in_(ids)).values(is_seen=True))
        add_slice(connection, name, lineage, None, ids)

    for number in range(num):
        part = photographs[number * IMAGES_PER_SLICE : (number + 1) * IMAGES_PER_SLICE]
        ids = send(state, part, split="holdout")
        state.database.write(partial(add, name=f"slice-{number}", ids=ids))
