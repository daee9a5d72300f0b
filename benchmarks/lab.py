"""The lab's six experiments on photographs of ants and bees, as a table."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.photographs import DEFAULT_ARCHIVE
from benchmarks.record import commit, last_figures, processor, record, today
from perennial.lab.questions import QUESTIONS
from perennial.lab.running import Request, run_exercise
from perennial.settings import Settings

HYMENOPTERA = DEFAULT_ARCHIVE.parent / "hymenoptera"
PAGE = Path(__file__).parents[1] / "docs" / "lab.md"
NAME = "lab"
_NAMES = tuple(question.name for question in QUESTIONS)


class _Teller:
    """Tells on standard error which training begins."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def on_read(self, what: str, done: int, total: int) -> None:
        """Hear of images; they take seconds."""

    def on_batch(self, done: int, total: int) -> None:
        """Hear of steps; there are too many to print."""

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
        request = Request(
            name=name, place=arguments.data, seeds=arguments.seeds, image_size=arguments.image_size
        )
        print(name, file=sys.stderr, flush=True)
        report = run_exercise(request, settings, _Teller())
        report.write(arguments.out)
        table = report.findings.table
        told = report.to_json()
        # The place says where this machine keeps them, which tells nobody anything.
        told["images"]["name"] = arguments.data.name
        told["setup"] = [
            sentence.replace(str(arguments.data), arguments.data.name) for sentence in told["setup"]
        ]
        told["measured"] = f"{today()}, commit {commit()}, {processor()}"
        told["title"] = report.question.title
        told["table"] = {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
        figures[name] = told
        # After each, so that an evening's work is not lost with its last part.
        figures = {each: figures[each] for each in _NAMES if each in figures}
        path = record(NAME, figures, f"make lab SEEDS={arguments.seeds}")
        PAGE.write_text(page_of(json.loads(path.read_text())), encoding="utf-8")
    print(json.dumps({name: each["answer"] for name, each in figures.items()}, ensure_ascii=False))


def page_of(recorded: dict[str, Any]) -> str:
    """Return the page of recorded results, in Markdown."""
    machine = recorded["machine"]
    experiments = recorded["figures"]
    told = [sentence for each in experiments.values() for sentence in _sentences(each)]
    shared = [sentence for sentence in dict.fromkeys(told) if 2 * told.count(sentence) > len(experiments)]
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
