"""`train`: from labelled images to the version in production."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from perennial.cli.audience import actor, answer, console, in_points, json_option, table
from perennial.settings import Settings
from perennial.state import open_state

if TYPE_CHECKING:
    from perennial.source_training import Request, TrainedSource
    from vision.training import Epoch

_NUM_NAMED = 5


@click.command()
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.option("--backbone", default="resnet18", show_default=True, help="A network of the zoo.")
@click.option(
    "--weights",
    default="default",
    show_default=True,
    help="default (ImageNet), bundled (a ResNet-18 that comes along), none (from scratch) or a file.",
)
@click.option("--strategy", default="auto", show_default=True, help="How much of the network to train.")
@click.option("--image-size", type=click.IntRange(16, 1024), help="Side of the network's input in pixels.")
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Passes over the images, at most.")
@click.option(
    "--augmentation",
    type=click.Choice(["none", "gentle", "basic", "strong"]),
    default="basic",
    show_default=True,
    help="gentle does not mirror: for text and digits.",
)
@click.option("--seed", default=0, show_default=True, help="Fixes what is random.")
@json_option
def train(source: Path, as_json: bool, **options: Any) -> None:
    """Train on labelled images; the result becomes production.

    SOURCE is one of

    \b
    a folder      SOURCE/CLASS/*, or SOURCE/train/CLASS/* and SOURCE/val/CLASS/*
    a CSV         columns path (relative to it) and label, and split: train or val
    Hugging Face  a folder with metadata.csv or .jsonl: file_name and label
    parquet       a file or a folder of them: columns image and label
    WebDataset    a tar or a folder of them: KEY.jpg beside KEY.cls or KEY.json

    Parts named validation and test, in columns, folders or files' names, are taken as such.
    """
    # Only now, since it loads torch.
    from perennial.source_training import Request, train_source

    settings = Settings.load()
    request = Request(source=source, actor=actor(), **options)
    with open_state(settings) as state, _listener(as_json) as listener:
        trained = train_source(state, settings, request, listener)
    answer(_as_json(trained), as_json=as_json, told=lambda out: _tell(out, request, trained))


@dataclass
class Bars:
    """Shows how far a training is: images read, then steps with the time that is left."""

    progress: Progress
    is_silent: bool
    epochs: int = 0

    def __post_init__(self) -> None:
        self._task: Any = None
        self._began = time.monotonic()

    def on_read(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` images went through one stage."""
        if self._task is None or self.progress.tasks[self._task].description != what:
            self._next(what, total)
        self.progress.update(self._task, completed=done)

    def on_batch(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are made."""
        if self._task is None or self.progress.tasks[self._task].description != "training":
            self._next("training", total)
        self.progress.update(self._task, completed=done, total=total)

    def on_epoch(self, epoch: "Epoch") -> None:
        """Print an epoch's figures."""
        if not self.is_silent:
            self.progress.console.print(
                f"epoch {epoch.epoch:>3}  loss {epoch.training_loss:.3f} training, "
                f"{epoch.validation_loss:.3f} validation  accuracy {in_points(epoch.training_accuracy)} "
                f"training, {in_points(epoch.validation_accuracy)} validation  {epoch.seconds:.1f} s"
            )

    def _next(self, what: str, total: int) -> None:
        if self._task is not None:
            self.progress.update(self._task, visible=False)
        self._task = self.progress.add_task(what, total=total)


@contextmanager
def _listener(as_json: bool) -> Iterator[Bars]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(to_errors=True), transient=True, disable=as_json) as progress:
        yield Bars(progress, is_silent=as_json)


def _as_json(found: "TrainedSource") -> dict[str, Any]:
    trained = found.trained
    return {
        "version": trained.version.version,
        "parent": trained.version.parent,
        "lineage": trained.version.lineage,
        "classes": list(trained.version.class_names),
        "metrics": trained.version.metrics,
        "class_accuracy": trained.class_accuracy,
        "num_train": len(found.imported.train),
        "num_validation": len(found.imported.validation),
        "num_golden": trained.num_golden,
        "num_near_duplicates": found.imported.num_moved,
        "left_out": [[name, reason] for name, reason in found.left_out],
        "margin": trained.margin,
        "golden_needed": trained.golden_needed,
        "curves": str(found.curves_file),
    }


def _tell(out: Console, request: "Request", found: "TrainedSource") -> None:
    trained = found.trained
    rows = table("class", "golden images right", title=f"{trained.version.version} is in production")
    for name, accuracy in trained.class_accuracy.items():
        rows.add_row(name, in_points(accuracy))
    rows.add_section()
    rows.add_row("all", f"{in_points(trained.golden_accuracy)} of {trained.num_golden}")
    rows.add_row("validation", in_points(trained.result.validation_accuracy))
    out.print(rows)
    result = trained.result
    tried = "penalties" if result.strategy == "linear_probe" else "epochs"
    out.print(
        f"{result.artifact.backbone}, {result.strategy.replace('_', ' ')}, "
        f"{result.artifact.preprocessing.image_size} px, best of {len(result.epochs)} {tried}: "
        f"{result.best_epoch} ({result.diagnosis}). Curves: {found.curves_file}"
    )
    _tell_cuts(out, found)
    if trained.golden_needed is not None:
        out.print(
            f"Warning: the golden set has {trained.num_golden} images, so the gate lets a "
            f"candidate lose up to {100 * trained.margin:.1f} points on old data unseen. "
            f"{trained.golden_needed} golden images would make it 2: add images to {request.source}, or a "
            "val part, and train again.",
            style="yellow",
        )
    out.print("Serve it: perennial up")


def _tell_cuts(out: Console, found: "TrainedSource") -> None:
    imported = found.imported
    out.print(
        f"{len(imported.train)} images to train, {len(imported.validation)} to validate, "
        f"{len(imported.golden)} golden (never learnt from)."
    )
    if imported.num_moved:
        out.print(
            f"{imported.num_moved} images are nearly the same as one of another part, and were kept on "
            "one side with it."
        )
    for name, reason in found.left_out[:_NUM_NAMED]:
        out.print(f"left out: {name}: {reason}")
    if len(found.left_out) > _NUM_NAMED:
        out.print(f"left out: {len(found.left_out) - _NUM_NAMED} more; --json names all")
