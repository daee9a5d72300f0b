"""Measure what grows with what, write the figures, and draw them."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import record
from benchmarks.scale import feedback, learning, serving, versions
from benchmarks.scale.chart import draw
from benchmarks.serving.pictures import DEFAULT_FOLDER, read_photographs
from benchmarks.serving.servers import make_home


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs, seconds = read_photographs(arguments.data), arguments.seconds
    with tempfile.TemporaryDirectory(prefix="perennial-scale-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data) | {"PERENNIAL_LEARNER": "off"}
        figures: dict[str, Any] = {
            "throughput": serving.throughput(environment, photographs, folder, seconds),
            "latency": serving.latency(environment, photographs, folder, seconds),
            "versions": versions.by_versions(environment, arguments.data, folder),
            "rounds": learning.rounds(arguments.archive, folder),
            "feedback": feedback.by_rows(environment, photographs, folder, seconds),
        }
    path = record("scale", figures, "make bench-scale")
    draw(json.loads(path.read_text())["figures"], arguments.chart)
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE, help="CIFAR-10, for the rounds")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each point under load")
    parser.add_argument("--chart", type=Path, default=Path("docs/scale.svg"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
