"""One round of 500 new samples, beside an earlier release's and a plain loop's; prints one JSON line last."""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.continual.rivals import Budget, Replay
from benchmarks.loop.accuracy import accuracies, accuracies_of
from benchmarks.loop.home import Home
from benchmarks.loop.users import print_progress
from benchmarks.photographs import DEFAULT_ARCHIVE, World, make_world
from benchmarks.record import record
from benchmarks.rounds.homes import (
    IMAGE_SIZE,
    ROOT,
    extract,
    home_of,
    production_of,
    run_round,
    send,
    train,
    with_settings,
)
from vision.artifact import from_files

#: Four in five of them are learnt or chosen on.
NUM_FEEDBACK = 740
NUM_INITIAL = 3000
NUM_UNSEEN = 1000
#: The chapter's: a small rate, two or three passes over new and as many old samples.
PLAIN_LOOP = Budget(1e-4, 3)


def main() -> None:
    """Measure each seed."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="perennial-round-") as folder:
        before = extract(arguments.before, Path(folder) / "before")
        runs = [_run(seed, Path(folder) / str(seed), before, arguments) for seed in arguments.seeds]
    figures = _summary(runs) | {"before": arguments.before, "image_size": IMAGE_SIZE}
    if len(runs) > 1:
        command = f"make bench-round SEED={','.join(map(str, arguments.seeds))}"
        record("round", figures | {"runs": runs}, command)
    print(json.dumps(figures))


def _run(seed: int, folder: Path, code_before: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    world = make_world(
        arguments.data, seed, num_initial=NUM_INITIAL, num_feedback=NUM_FEEDBACK, num_unseen=NUM_UNSEEN
    )
    start = home_of(code_before, folder / "start")
    print_progress(f"seed {seed}: training on {len(world.initial)} photographs")
    train(start, world.initial)
    run: dict[str, Any] = {"seed": seed}
    for name, code in (("before", code_before), ("now", ROOT)):
        shutil.copytree(start.folder / "home", folder / name / "home")
        home = home_of(code, folder / name)
        if name == "now":
            home = with_settings(home, dict(arguments.settings))
        run[name] = _round(home, world)
        print_progress(f"seed {seed}, {name}: {run[name]}")
    run["plain_loop"] = _plain_loop(start, world, seed)
    run["start"] = _named(*accuracies(start.export(production_of(start)), world))
    print_progress(f"seed {seed}, plain loop: {run['plain_loop']}; start: {run['start']}")
    return run


def _round(home: Home, world: World) -> dict[str, Any]:
    send(home, world.feedback)
    ran = run_round(home)
    return asdict(ran) | _named(*accuracies(home.export(production_of(home)), world))


def _plain_loop(start: Home, world: World, seed: int) -> dict[str, Any]:
    export = start.export(production_of(start))
    artifact = from_files({file.name: file.read_bytes() for file in export.iterdir()})
    old, new = (
        [(each.content, artifact.class_names.index(each.label)) for each in part]
        for part in (world.initial, world.feedback)
    )
    rival = Replay(artifact, old, PLAIN_LOOP, seed)
    begun = time.perf_counter()
    network = rival.learn(new[: round(len(new) * 0.68)])  # what a round learns of them, 500
    seconds = round(time.perf_counter() - begun, 1)
    return {"seconds": seconds, "cpu_seconds": round(rival.cpu_seconds, 1)} | _named(
        *accuracies_of(network, artifact, world)
    )


def _named(old: float, new: float) -> dict[str, float]:
    return {"old": old, "new": new, "mean": round((old + new) / 2, 2)}


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def difference(name: str) -> float:
        return round(median(float(run["now"]["mean"] - run[name]["mean"]) for run in runs), 2)

    seconds = {name: median(run[name]["seconds"] for run in runs) for name in ("now", "before", "plain_loop")}
    return {
        "seconds": seconds["now"],
        "seconds_before": seconds["before"],
        "seconds_plain_loop": seconds["plain_loop"],
        "share_of_before": round(median(run["now"]["seconds"] / run["before"]["seconds"] for run in runs), 3),
        "accuracy_difference_pp": difference("before"),
        "accuracy_difference_to_plain_loop_pp": difference("plain_loop"),
        "num_promoted": sum(run["now"]["state"] == "promoted" for run in runs),
        "num_promoted_before": sum(run["before"]["state"] == "promoted" for run in runs),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0], type=lambda text: [int(seed) for seed in text.split(",")]
    )
    parser.add_argument("--before", default="212ce91", help="commit of the release beside")
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE)
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], type=lambda text: text.split("=", 1),
        help="PERENNIAL_…=value for our round",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
