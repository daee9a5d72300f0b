"""The lab's six experiments on photographs of ants and bees, as a table."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import commit, last_figures, processor, record, today
from lab.questions import QUESTIONS
from lab.running import LabRequest, run_experiment
from perennial.settings.settings import Settings

HYMENOPTERA = DEFAULT_ARCHIVE.parent / "hymenoptera"
PAGE = Path(__file__).parents[1] / "docs" / "measurements" / "lab.md"
NAME = "lab"
_NAMES = tuple(question.name for question in QUESTIONS)


class _ProgressPrinter:
    """Prints on standard error which training begins."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def on_read(self, what: str, done: int, total: int) -> None:
        """Print nothing: images take seconds."""

    def on_batch(self, done: int, total: int) -> None:
        """Print nothing: there are too many steps."""

    def on_run(self, what: str, done: int, total: int) -> None:
        """Print it."""
        seconds = time.monotonic() - self._begun
        print(f"[{seconds:6.0f} s] {done}/{total} {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the experiments, write their reports, the results and the page; the last line printed is JSON."""
    arguments = _arguments()
    figures = last_figures(NAME) if set(arguments.exercises) != set(_NAMES) else {}
    settings = Settings.load()
    for name in arguments.exercises:
        request = LabRequest(
            name=name, place=arguments.data, seeds=arguments.seeds, image_size=arguments.image_size
        )
        print(name, file=sys.stderr, flush=True)
        report = run_experiment(request, settings.train(), _ProgressPrinter())
        report.write(arguments.out)
        table = report.conclusion.table
        result = report.to_json()
        # Where this machine keeps the images is of no use to readers.
        result["images"]["name"] = arguments.data.name
        result["setup"] = [
            sentence.replace(str(arguments.data), arguments.data.name) for sentence in result["setup"]
        ]
        result["measured"] = f"{today()}, commit {commit()}, {processor()}"
        result["title"] = report.question.title
        result["table"] = {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
        figures[name] = result
        # Written after each experiment, so that a failure of the last one loses no other.
        figures = {known: figures[known] for known in _NAMES if known in figures}
        path = record(NAME, figures, f"make lab SEEDS={arguments.seeds}")
        PAGE.write_text(page_of(json.loads(path.read_text())), encoding="utf-8")
    print(json.dumps({name: part["answer"] for name, part in figures.items()}, ensure_ascii=False))


def page_of(recorded: dict[str, Any]) -> str:
    """Return the page of recorded results, in Markdown."""
    machine = recorded["machine"]
    experiments = recorded["figures"]
    sentences = [sentence for figures in experiments.values() for sentence in _sentences(figures)]
    shared = [
        sentence for sentence in dict.fromkeys(sentences) if 2 * sentences.count(sentence) > len(experiments)
    ]
    lines = [
        "# The lab, measured",
        "",
        "<!-- Written by `make lab`; changes by hand are lost. -->",
        "",
        "`perennial lab NAME [DIR]` asks one question about transfer on any images, and answers it from what "
        "it measures, in a report of one file. These are its answers on the images named below.",
        "",
        f"`{recorded['command']}`, {machine['cores']} cores, {machine['memory_gib']} GiB. Where an "
        "experiment says nothing else:",
        "",
        *(f"- {sentence}" for sentence in shared),
        "",
    ]
    for name, figures in experiments.items():
        lines += _section(name, figures, shared)
    rule = next(iter(experiments.values()))["rule"]
    return "\n".join([*lines, "## How a difference is judged", "", rule, ""])


def _sentences(figures: dict[str, Any]) -> list[str]:
    return [*figures["setup"], *figures["notes"]]


def _section(name: str, figures: dict[str, Any], shared: list[str]) -> list[str]:
    table = figures["table"]
    return [
        f"## {figures['title']}",
        "",
        f"`perennial lab {name}`: {figures['question']}",
        "",
        *(f"- {sentence}" for sentence in figures["answer"]),
        "",
        _row(table["columns"]),
        _row(["---"] * len(table["columns"])),
        *(_row(row) for row in table["rows"]),
        "",
        " ".join(sentence for sentence in _sentences(figures) if sentence not in shared),
        "",
        f"Measured {figures['measured']}.",
        "",
    ]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HYMENOPTERA, help="a folder of train/ and val/")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each variant")
    parser.add_argument("--image-size", type=int, default=None, help="pixels; the lab's own without")
    parser.add_argument(
        "--exercises", default=_NAMES, type=lambda text: text.split(","), help="comma-separated; all without"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "cache" / "lab", help="folder of the reports"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.exercises if name not in _NAMES]
    if unknown:
        raise SystemExit(f"Expected exercises among {', '.join(_NAMES)}; got {unknown[0]!r}.")
    if not arguments.data.exists():
        raise SystemExit(f"Expected images at {arguments.data}; name them with --data.")
    return arguments


if __name__ == "__main__":
    main()
