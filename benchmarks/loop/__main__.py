"""Runs the loop on photographs: train by day, serve under load, learn from feedback by night, swap."""

import argparse
import asyncio
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.loop.accuracy import accuracies
from benchmarks.loop.home import copy, train
from benchmarks.loop.modes import MODES, Mode
from benchmarks.loop.users import print_progress, serve_and_learn
from benchmarks.photographs import DEFAULT_ARCHIVE, World, make_world
from benchmarks.record import record


def main() -> None:
    """Run one seed or several in each mode; the last line printed is one JSON object."""
    arguments = _arguments()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.modes}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory(prefix="perennial-loop-") as temporary:
            for name in arguments.modes:
                trained = (arguments.trained or Path(temporary) / "trained") / f"seed-{seed}"
                figures = measure(seed, name, arguments.data, Path(temporary), trained)
                runs[name].append({"seed": seed, **figures})
                print(json.dumps({"mode": name, **runs[name][-1]}), flush=True)
    command = f"make bench-loop SEED={','.join(map(str, arguments.seeds))}"
    medians = {name: _medians(of_mode) for name, of_mode in runs.items()}
    for name, of_mode in runs.items():
        summary = {"medians": medians[name], "runs": of_mode}
        if name != "direct":
            record(f"loop-{name}", summary, f"{command} MODE={name}")
        elif len(of_mode) > 1:
            record("loop", summary, command)
    print(json.dumps(medians if len(medians) > 1 else medians[arguments.modes[0]]))


def measure(seed: int, name: str, data: Path, folder: Path, trained: Path) -> dict[str, Any]:
    """Return the figures of one run of the loop, in a home of its own.

    Args:
        seed: Decides which photographs are in which part.
        name: Of the mode.
        data: The archive of photographs.
        folder: For the home.
        trained: Keeps first versions of this seed, which several modes begin with.
    """
    mode = MODES[name]
    world = _world(data, seed, mode)
    first = trained / f"{mode.num_classes}-classes"
    if not first.exists():
        print_progress(f"seed {seed}: training on {len(world.initial)} photographs by day")
        train(world, first, mode)
    print_progress(f"seed {seed}: {name}")
    home = copy(first, folder / name, mode)
    with home.serve() as url:
        figures = asyncio.run(serve_and_learn(url, world, mode))
    before = accuracies(home.export(figures.pop("version_before")), world)
    after = accuracies(home.export(figures.pop("version_after")), world)
    return {
        "old_before": before[0],
        "old_after": after[0],
        "new_before": before[1],
        "new_after": after[1],
        **figures,
    }


def _world(data: Path, seed: int, mode: Mode) -> World:
    # As many of each class, and no fewer than a round waits for.
    num_feedback = mode.num_classes * math.ceil(650 / mode.num_classes)
    return make_world(
        data,
        seed,
        num_initial=mode.num_initial,
        num_feedback=2 * num_feedback if mode.only_wrong else num_feedback,
        num_unseen=150 * mode.num_classes,
        num_classes=mode.num_classes,
        is_shifted=mode.is_shifted,
    )


def _medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    old = median(run["old_after"] - run["old_before"] for run in runs)
    new = median(run["new_after"] - run["new_before"] for run in runs)
    swaps = [run["seconds_to_all_workers"] for run in runs if run["seconds_to_all_workers"] is not None]
    return {
        "old_change": round(old, 2),
        "new_change": round(new, 2),
        "num_promoted": sum(run["state"] == "promoted" for run in runs),
        "num_runs": len(runs),
        "failed": sum(run["failed"] for run in runs),
        "largest_seconds_to_all_workers": max(swaps, default=None),
        "median_round_seconds": median(run["round_seconds"] or 0.0 for run in runs),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument(
        "--mode",
        dest="modes",
        default=["direct"],
        type=lambda text: text.split(","),
        help=f"how users behave, one or several: {', '.join(MODES)}",
    )
    parser.add_argument(
        "--trained", type=Path, help="where first versions are kept for the next run, eight minutes each"
    )
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_ARCHIVE, help="a tar of train/CLASS and test/CLASS"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.modes) - MODES.keys()
    if unknown:
        parser.error(f"expected modes of {', '.join(MODES)}; got {', '.join(sorted(unknown))}")
    if not arguments.data.is_file():
        raise SystemExit(f"Expected an archive of photographs at {arguments.data}; name one with DATA=…")
    return arguments


if __name__ == "__main__":
    main()
