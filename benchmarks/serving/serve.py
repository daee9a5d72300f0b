"""Images a second of ours, FastAPI, LitServe and BentoML's batching, in turn, beside the machine's limit."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import uvloop

from benchmarks.record import record
from benchmarks.serving.load import Answers, closed_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import ROOT, Server, default_workers, make_home, ours, rival
from vision.engines.precision import wanted_precision

CONNECTIONS = 16
RIVALS = ("bentoml", "litserve", "fastapi")
IN_FLOAT32 = "ours_in_float32"


class _Limit(NamedTuple):
    """What the machine can do without HTTP, as one of our servers computes."""

    name: str
    precision: str


LIMITS = {"ours": _Limit("limit", "auto"), IN_FLOAT32: _Limit("limit_in_float32", "float32")}


def main() -> None:
    """Measure all in turn, several times; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    cores = len(os.sched_getaffinity(0))
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="perennial-serve-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder / "own", arguments.data)
        log = folder / "server.log"
        servers: dict[str, Callable[[], AbstractContextManager[Server]]] = {
            "ours": lambda: ours(environment, default_workers(), log),
            **_ours_in_float32(folder / "float32", arguments.data, log),
            **{
                name: lambda name=name: rival(name, cores, photographs[0], log)  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                for name in RIVALS
                if name in arguments.rivals
            },
        }
        for number in range(arguments.repeats):
            run: dict[str, Any] = {}
            for name, start in servers.items():
                limit = LIMITS.get(name)
                around = [] if limit is None else [_limit(arguments, cores, limit.precision)]
                with start() as server:
                    run[name] = _measure(
                        server, numbered(photographs, f"{name} {number} {time.time()}"), arguments
                    )
                print(f"{name}: {run[name]}", file=sys.stderr, flush=True)
                if limit is not None:
                    # Right before and right after, since the machine's own speed wanders.
                    around.append(_limit(arguments, cores, limit.precision))
                    run[limit.name] = {"images_per_second": round(mean(around), 1), "around": around}
                    print(f"{limit.name}: {run[limit.name]}", file=sys.stderr, flush=True)
            runs.append(run)
    figures = _summary(runs)
    if arguments.repeats > 1 and len(arguments.rivals) == len(RIVALS):
        record("serve", {**figures, "runs": runs}, "make bench-serve")
    print(json.dumps(figures))


def _measure(server: Server, contents: Iterator[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    def ask(seconds: float) -> Answers:
        return uvloop.run(closed_loop(server.ask, contents, connections=CONNECTIONS, seconds=seconds))

    ask(arguments.warm_up)
    answers = ask(arguments.seconds)
    return {
        "images_per_second": round(answers.per_second, 1),
        "p50_ms": round(answers.percentile(50), 1),
        "p99_ms": round(answers.percentile(99), 1),
        "failed": answers.num_failed + answers.statuses[429],
        "answered": len(answers.latencies),
    }


def _ours_in_float32(
    folder: Path, images: Path, log: Path
) -> dict[str, Callable[[], AbstractContextManager[Server]]]:
    """Return ours as it serves in float32, where this machine's default is another precision."""
    if wanted_precision("auto", "auto", "cpu") == "float32":
        return {}
    environment = make_home(folder, images, "float32")
    return {IN_FLOAT32: lambda: ours(environment, default_workers(), log)}


def _limit(arguments: argparse.Namespace, cores: int, precision: str) -> float:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.serving.limit", "--data", str(arguments.data)),
            *("--processes", str(cores), "--seconds", str(arguments.seconds)),
            *("--precision", precision),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["images_per_second"])


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(name: str, figure: str) -> float:
        return round(median(run[name][figure] for run in runs), 1)

    names = [name for name in runs[0] if "p50_ms" in runs[0][name]]
    rates = {name: middle(name, "images_per_second") for name in runs[0]}

    def ratio(name: str, own: str = "ours") -> float | None:
        # Of each run by itself, since the machine's own speed wanders.
        if name not in rates or own not in rates:
            return None
        each = (run[own]["images_per_second"] / run[name]["images_per_second"] for run in runs)
        return round(median(each), 3)

    return {
        "images_per_second": rates,
        "p50_ms": {name: middle(name, "p50_ms") for name in names},
        "p99_ms": {name: middle(name, "p99_ms") for name in names},
        "ratio_to_litserve": ratio("litserve"),
        "ratio_to_bentoml": ratio("bentoml"),
        "ratio_to_fastapi": ratio("fastapi"),
        "fraction_of_limit": ratio(LIMITS["ours"].name),
        "in_float32": {
            "ratio_to_litserve": ratio("litserve", IN_FLOAT32),
            "ratio_to_bentoml": ratio("bentoml", IN_FLOAT32),
            "ratio_to_fastapi": ratio("fastapi", IN_FLOAT32),
            "fraction_of_limit": ratio(LIMITS[IN_FLOAT32].name, IN_FLOAT32),
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
    parser.add_argument("--rivals", default=RIVALS, type=lambda text: tuple(filter(None, text.split(","))))
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"Expected a folder of photographs at {arguments.data}; name one with DATA=…")
    return arguments


if __name__ == "__main__":
    main()
