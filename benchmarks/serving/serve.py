"""Images a second of ours, an earlier commit's and three other servers', beside the machine's limit."""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import uvloop

from benchmarks.record import record
from benchmarks.serving.load import Answers, closed_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import ROOT, Server, default_workers, make_home, ours, rival, served_precision

CONNECTIONS = 16
RIVALS = ("bentoml", "litserve", "fastapi")
IN_FLOAT32 = "ours_in_float32"
BEFORE = "ours_before"
#: Servers whose limit is measured, with the name of that limit.
LIMITS = {"ours": "limit", IN_FLOAT32: "limit_in_float32"}


def main() -> None:
    """Measure all in turn, several times; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    cores = len(os.sched_getaffinity(0))
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="perennial-serve-") as temporary:
        folder = Path(temporary)
        log = folder / "server.log"
        homes = {"ours": make_home(folder / "own", arguments.data)}
        if served_precision(homes["ours"]) != "float32":
            homes[IN_FLOAT32] = make_home(folder / "float32", arguments.data, "float32")
        if arguments.before:
            homes[BEFORE] = _earlier_home(folder / "before", arguments.before, arguments.data)
        servers: dict[str, Callable[[], AbstractContextManager[Server]]] = {
            **{name: partial(ours, home, default_workers(), log) for name, home in homes.items()},
            **{name: partial(rival, name, cores, photographs[0], log) for name in arguments.rivals},
        }
        for number in range(arguments.repeats):
            run: dict[str, Any] = {}
            for name, start in servers.items():
                limit = LIMITS.get(name)
                around = [] if limit is None else [_limit(arguments, cores, homes[name])]
                with start() as server:
                    run[name] = _measure(
                        server, numbered(photographs, f"{name} {number} {time.time()}"), arguments
                    )
                print(f"{name}: {run[name]}", file=sys.stderr, flush=True)
                if limit is not None:
                    # Right before and right after, since the machine's own speed wanders.
                    around.append(_limit(arguments, cores, homes[name]))
                    run[limit] = {"images_per_second": round(mean(around), 1), "around": around}
                    print(f"{limit}: {run[limit]}", file=sys.stderr, flush=True)
            runs.append(run)
        figures = {"served_precision": served_precision(homes["ours"]), **_summary(runs)}
        if arguments.before:
            figures["commit_before"] = arguments.before
    if arguments.repeats > 1 and len(arguments.rivals) == len(RIVALS):
        beside = f" BEFORE={arguments.before}" if arguments.before else ""
        record("serve", {**figures, "runs": runs}, f"make bench-serve{beside}")
    print(json.dumps(figures))


def _measure(server: Server, contents: Iterator[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    def saturate(seconds: float) -> Answers:
        return uvloop.run(closed_loop(server.send, contents, connections=CONNECTIONS, seconds=seconds))

    saturate(arguments.warm_up)
    answers = saturate(arguments.seconds)
    return {
        "images_per_second": round(answers.per_second, 1),
        "p50_ms": round(answers.percentile(50), 1),
        "p99_ms": round(answers.percentile(99), 1),
        "failed": answers.num_failed + answers.statuses[429],
        "answered": len(answers.latencies),
    }


def _earlier_home(folder: Path, commit: str, images: Path) -> dict[str, str]:
    """Return the environment of a home that an earlier commit's code trained, and serves."""
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], capture_output=True, check=True, cwd=ROOT).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        content.extractall(checkout, filter="data")
    return make_home(folder, images, root=checkout)


def _limit(arguments: argparse.Namespace, cores: int, home: Mapping[str, str]) -> float:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.serving.limit", "--data", str(arguments.data)),
            *("--processes", str(cores), "--seconds", str(arguments.seconds)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=dict(home),
        cwd=ROOT,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["images_per_second"])


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(name: str, figure: str) -> float:
        figures: list[float] = [run[name][figure] for run in runs]
        return round(median(figures), 1)

    names = [name for name in runs[0] if "p50_ms" in runs[0][name]]
    rates = {name: middle(name, "images_per_second") for name in runs[0]}

    def ratio(name: str, own: str = "ours") -> float | None:
        # Of each run by itself, since the machine's own speed wanders.
        if name not in rates or own not in rates:
            return None
        ratios: list[float] = [run[own]["images_per_second"] / run[name]["images_per_second"] for run in runs]
        return round(median(ratios), 3)

    return {
        "images_per_second": rates,
        "p50_ms": {name: middle(name, "p50_ms") for name in names},
        "p99_ms": {name: middle(name, "p99_ms") for name in names},
        "ratio_to_litserve": ratio("litserve"),
        "ratio_to_bentoml": ratio("bentoml"),
        "ratio_to_fastapi": ratio("fastapi"),
        "ratio_to_before": ratio(BEFORE),
        "fraction_of_limit": ratio(LIMITS["ours"]),
        "in_float32": {
            "ratio_to_litserve": ratio("litserve", IN_FLOAT32),
            "ratio_to_bentoml": ratio("bentoml", IN_FLOAT32),
            "ratio_to_fastapi": ratio("fastapi", IN_FLOAT32),
            "fraction_of_limit": ratio(LIMITS[IN_FLOAT32], IN_FLOAT32),
        },
        "failed": sum(run[name]["failed"] for run in runs for name in names),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of JPEG photographs"
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before it")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--before", help="an earlier commit of ours to compare with; its dependencies must be installed"
    )
    parser.add_argument("--rivals", default=RIVALS, type=lambda text: tuple(filter(None, text.split(","))))
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"Expected a folder of photographs at {arguments.data}; name one with DATA=…")
    return arguments


if __name__ == "__main__":
    main()
