"""Measure what grows with what, write the figures, and draw them."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import RESULTS, record
from benchmarks.scale import feedback, learning, serving, versions
from benchmarks.scale.chart import draw
from benchmarks.serving.pictures import DEFAULT_FOLDER, read_photographs
from benchmarks.serving.servers import make_home

PARTS = ("throughput", "latency", "versions", "rounds", "feedback")


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs, seconds = read_photographs(arguments.data), arguments.seconds
    with tempfile.TemporaryDirectory(prefix="perennial-scale-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data) | {"PERENNIAL_LEARNER": "off"}
        parts: dict[str, Callable[[], Any]] = {
            "throughput": lambda: serving.throughput(environment, photographs, folder, seconds),
            "latency": lambda: serving.latency(environment, photographs, folder, seconds),
            "versions": lambda: versions.by_versions(environment, arguments.data, folder),
            "rounds": lambda: learning.rounds(arguments.archive, folder),
            "feedback": lambda: feedback.by_rows(environment, photographs, folder, seconds),
        }
        figures = _earlier() if set(arguments.parts) != set(PARTS) else {}
        figures |= {name: parts[name]() for name in parts if name in arguments.parts}
    path = record("scale", figures, "make bench-scale")
    draw(json.loads(path.read_text())["figures"], arguments.chart)
    print(json.dumps(figures))


def _earlier() -> dict[str, Any]:
    """Return the figures of an earlier run, for the parts that are not measured now."""
    path = RESULTS / "scale.json"
    return dict(json.loads(path.read_text())["figures"]) if path.exists() else {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE, help="CIFAR-10, for the rounds")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure anew")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each point under load")
    parser.add_argument("--chart", type=Path, default=Path("docs/measurements/scale.svg"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
