"""`lab`: experiments on a user's own images, each with a report."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from lab.questions import QUESTIONS, Question
from perennial.cli.output import console, json_option, print_result, table
from perennial.settings.settings import Settings

if TYPE_CHECKING:
    from lab.report import Report


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def lab(ctx: click.Context, as_json: bool) -> None:
    """Answer a question about transfer on your own images.

    Without a name it lists the questions. Each answer is measured over several seeds and written into a
    report of one file. Nothing else is stored: production stays as it is.
    """
    if ctx.invoked_subcommand is None:
        listed = [{"name": each.name, "title": each.title, "question": each.text} for each in QUESTIONS]
        print_result({"exercises": listed}, as_json=as_json, show=_list)


def _list(out: Console) -> None:
    for number, question in enumerate(QUESTIONS, start=1):
        out.print(f"{number}. {question.name}: {question.title}", style="bold")
        out.print(f"   {question.text}")
    out.print(
        f"\nAsk one: perennial lab {QUESTIONS[0].name} DIR. Without DIR it uses digits that come along."
    )


def _command(question: Question) -> click.Command:
    @click.command(question.name, help=f"{question.text}\n\n{_DIRECTORY}", short_help=question.title)
    @click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
    @click.option("--backbone", default="resnet18", show_default=True, help="A network of the zoo.")
    @click.option(
        "--weights",
        default="default",
        show_default=True,
        help="default (ImageNet, or the best available here), bundled, none (from scratch) or a file.",
    )
    @click.option(
        "--image-size",
        type=click.IntRange(32, 1024),
        help="Side of the network's input in pixels  [default: 128, and 64 for digits]",
    )
    @click.option(
        "--seeds", type=click.IntRange(1, 50), default=3, show_default=True, help="Trainings of each variant."
    )
    @click.option("--epochs", type=click.IntRange(1, 1000), help="Passes over the images, at most.")
    @click.option(
        "--max-images",
        type=click.IntRange(40),
        default=1000,
        show_default=True,
        help="Images to train and to test on, at most.",
    )
    @click.option(
        "--out", type=click.Path(path_type=Path), help="Folder of the report  [default: lab in the home]"
    )
    @json_option
    def command(directory: Path | None, out: Path | None, as_json: bool, **options: Any) -> None:
        # Imported only now, since it loads torch.
        from lab.running import LabRequest, run_experiment

        settings = Settings.load()
        request = LabRequest(question.name, directory, **options)
        with _bars(as_json) as bars:
            report = run_experiment(request, settings.train(), bars)
        page, figures = report.write(out or settings.home / "lab")
        result = {**report.to_json(), "report": str(page), "figures": str(figures)}
        print_result(result, as_json=as_json, show=lambda out: _print_report(out, report, page))

    return command


_DIRECTORY = (
    "DIR holds DIR/CLASS/* or DIR/train/CLASS/* and DIR/val/CLASS/*, or is any source that `train` reads. "
    "Without it the images are handwritten digits that come with the installation."
)


def _print_report(out: Console, report: "Report", page: Path) -> None:
    conclusion = report.conclusion
    out.print(report.question.text, style="italic")
    rows = table(*conclusion.table.columns)
    for row in conclusion.table.rows:
        rows.add_row(*row)
    out.print(rows)
    for sentence in conclusion.answer:
        out.print(f"• {sentence}")
    for note in report.notes:
        out.print(f"Note: {note}", style="yellow")
    out.print(f"The report: {page}")


@dataclass
class Bars:
    """Shows which training is running, how far it is, and how much time all of them still need."""

    progress: Progress
    all_runs: TaskID | None = None
    step: TaskID | None = None
    began: float = 0.0

    def on_read(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` images went through one stage."""
        self._show_step(f"{stage} images", done, total)

    def on_run(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` trainings are over, with the time that is left."""
        if self.all_runs is None:
            self.all_runs = self.progress.add_task("trainings", total=total, left="")
            self.began = time.monotonic()
        self.progress.update(self.all_runs, completed=done, left=self._left(done, total))
        self._show_step(name, 0, 1)

    def on_batch(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps of the current training are made."""
        if self.step is not None:
            self.progress.update(self.step, completed=done, total=total)

    def _left(self, done: int, total: int) -> str:
        # Trainings differ in time, but every seed has the same ones, so the mean is a good estimate.
        if done == 0:
            return ""
        seconds = (time.monotonic() - self.began) / done * (total - done)
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _show_step(self, name: str, done: int, total: int) -> None:
        if self.step is None:
            self.step = self.progress.add_task(name, total=total, left="")
        self.progress.update(self.step, description=name, completed=done, total=total)


@contextmanager
def _bars(as_json: bool) -> Iterator[Bars]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console(to_errors=True), transient=True, disable=as_json) as progress:
        yield Bars(progress)


for _question in QUESTIONS:
    lab.add_command(_command(_question))
