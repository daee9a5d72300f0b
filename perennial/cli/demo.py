"""`demo`: shows the whole loop on a server of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from perennial.cli.output import console, json_option, print_result, stop_in_order, table
from perennial.settings.settings import Settings

if TYPE_CHECKING:
    from perennial.demo.demo import DemoResult

NOT_PROMOTED = 1


class ProgressListener:
    """Prints the demo's steps on standard error, with the time since its start."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()

    def on_step(self, message: str) -> None:
        """Print what happens next."""
        self._progress.console.print(f"[{time.monotonic() - self._began:5.0f} s] {message}")

    def on_count(self, unit: str, total: int) -> Callable[[], None]:
        """Show a bar, and return the function that advances it by one."""
        for task in self._progress.tasks:
            self._progress.update(task.id, visible=False)
        task_id = self._progress.add_task(unit, total=total)
        return lambda: self._progress.advance(task_id)


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@json_option
@click.pass_context
def demo(ctx: click.Context, directory: Path | None, as_json: bool) -> None:
    """Show the whole loop in a few minutes.

    The steps are: train, serve, drift, feedback, a round, the swap.

    It trains on handwritten digits that come with the installation, or on the images in DIR/CLASS/*. It has a
    temporary home and a server of its own, so that nothing of yours changes.
    """
    from perennial.demo.demo import run_demo
    from perennial.demo.images import digit_images, folder_images

    settings = Settings.load()
    # The demo has a server to stop, and a temporary home to remove.
    stop_in_order()
    with Progress(console=console(to_errors=True), transient=True) as progress:
        images = digit_images() if directory is None else folder_images(directory, settings.limits())
        outcome = run_demo(images, settings, ProgressListener(progress))
    print_result(outcome.to_json(), as_json=as_json, show=lambda out: _print_outcome(out, outcome))
    if outcome.state != "promoted":
        ctx.exit(NOT_PROMOTED)


def _print_outcome(out: Console, outcome: "DemoResult") -> None:
    rows = table(
        "accuracy", f"before ({outcome.version_before})", f"after ({outcome.version_after})", "change",
        title=f"On {outcome.num_unseen} images that no part of the system had seen, over HTTP",
    )  # fmt: skip
    for name, before, after in (
        ("old: before the drift", outcome.old_before, outcome.old_after),
        ("new: after the drift", outcome.new_before, outcome.new_after),
    ):
        rows.add_row(name, f"{before:.1f} %", f"{after:.1f} %", f"{after - before:+.1f} points")
    out.print(rows)
    out.print(f"The round was {outcome.state.replace('_', ' ')}: {outcome.reason}")
    out.print(
        f"The round ended {outcome.round_seconds:.0f} s after the last feedback; the demo took "
        f"{outcome.seconds:.0f} s."
    )
