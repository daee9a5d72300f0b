"""`train`: trains a version on labelled images."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from perennial.cli.output import actor, as_percent, console, json_option, print_result
from perennial.settings.settings import Settings
from perennial.state import open_state
from vision.adaptation.table import ADAPTATIONS

if TYPE_CHECKING:
    from vision.training.training import Epoch


@click.command()
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.option("--backbone", help="A network of `perennial zoo`  [default: resnet18, or the best available]")
@click.option(
    "--weights",
    default="default",
    show_default=True,
    help="default (ImageNet, or the best available here), bundled (a ResNet-18 that comes along), none (from "
    "scratch) or a file.",
)
@click.option(
    "--strategy",
    type=click.Choice(["auto", "best", "linear_probe", "partial", "full", "gradual"]),
    default="auto",
    show_default=True,
    help="How much of the network to train. auto trains the head, and more only where validation gains by "
    "it; best tries each.",
)
@click.option("--image-size", type=click.IntRange(16, 1024), help="Side of the network's input in pixels.")
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Passes over the images, at most.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 10, min_open=True),
    help="Peak of the rate  [default: 0.001; from scratch 0.002]",
)
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "adam", "adamw"]),
    help="What makes the steps  [default: sgd; from scratch adamw]",
)
@click.option(
    "--momentum", type=click.FloatRange(0, 1, max_open=True), help="Momentum of sgd  [default: 0.9]"
)
@click.option(
    "--batch-size", type=click.IntRange(1, 4096), help="Images a step  [default: 32; from scratch 64]"
)
@click.option(
    "--schedule",
    type=click.Choice(["step", "cosine", "warm_up", "constant"]),
    help="How the rate changes: step (a tenth every 7 epochs), cosine, warm_up or constant  [default: step; "
    "from scratch cosine]",
)
@click.option(
    "--patience",
    type=click.IntRange(1, 10_000),
    help="Epochs without improvement after which it stops  [default: 5; from scratch never]",
)
@click.option(
    "--augmentation",
    type=click.Choice(["none", "gentle", "basic", "strong"]),
    default="basic",
    show_default=True,
    help="gentle does not mirror: for text and digits.",
)
@click.option("--balance", "balances_classes", is_flag=True, help="Weigh rare classes higher while learning.")
@click.option(
    "--ensemble",
    "num_members",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    help="Networks whose probabilities are averaged; they share what the strategy freezes.",
)
@click.option(
    "--repeat",
    "num_seeds",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Train with so many seeds, print their spread, and keep the best on validation.",
)
@click.option(
    "--adapt",
    multiple=True,
    type=click.Choice([adaptation.name for adaptation in ADAPTATIONS]),
    help="Adapt to a domain that looks different; may be given several times.",
)
@click.option(
    "--unlabelled",
    type=click.Path(path_type=Path),
    help="A folder of pictures of that domain without labels.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of everything that is random.")
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

    Parts named validation and test, in columns, folders or file names, keep their part.
    """
    # Imported only now, since they load torch.
    from perennial.cli import training_report
    from transfer.step_options import StepOptions
    from transfer.trained_source import TrainRequest, train_source

    settings = Settings.load()
    steps = StepOptions(**{each.name: options.pop(each.name) for each in fields(StepOptions)})
    request = TrainRequest(source=source, actor=actor(), steps=steps, **options)
    with open_state(settings) as state, progress_bars(as_json) as listener:
        trained = train_source(state, settings.train(), request, listener)
    print_result(
        training_report.as_json(trained),
        as_json=as_json,
        show=lambda out: training_report.print_report(out, request, trained),
    )


@dataclass
class Bars:
    """Shows how far a training is: first the images read, then the steps, with the time that is left."""

    progress: Progress
    is_silent: bool
    epochs: int = 0

    def __post_init__(self) -> None:
        self._task: Any = None
        self._began = time.monotonic()

    def on_read(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` images went through one stage."""
        if self._task is None or self.progress.tasks[self._task].description != stage:
            self._next(stage, total)
        self.progress.update(self._task, completed=done)

    def on_run(self, name: str) -> None:
        """Print which training begins."""
        if not self.is_silent:
            self.progress.console.print(name, style="bold")

    def on_warning(self, text: str) -> None:
        """Print a warning before the training."""
        if not self.is_silent:
            self.progress.console.print(f"Warning: {text}", style="yellow")

    def on_batch(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps of all trainings are made."""
        if self._task is None or self.progress.tasks[self._task].description != "training":
            self._next("training", total)
        self.progress.update(self._task, completed=done, total=total)

    def on_epoch(self, epoch: "Epoch") -> None:
        """Print an epoch's figures."""
        if not self.is_silent:
            self.progress.console.print(
                f"epoch {epoch.epoch:>3}  loss {epoch.training_loss:.3f} training, "
                f"{epoch.validation_loss:.3f} validation  accuracy {as_percent(epoch.training_accuracy)} "
                f"training, {as_percent(epoch.validation_accuracy)} validation  {epoch.seconds:.1f} s"
            )

    def _next(self, stage: str, total: int) -> None:
        if self._task is not None:
            self.progress.update(self._task, visible=False)
        self._task = self.progress.add_task(stage, total=total)


@contextmanager
def progress_bars(as_json: bool) -> Iterator[Bars]:
    """Show how far reading and training are, on standard error; nothing where the command answers in JSON."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(to_errors=True), transient=True, disable=as_json) as progress:
        yield Bars(progress, is_silent=as_json)
