"""`demo`: the whole story on a server of its own."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from perennial.cli.audience import answer, console, json_option, table
from perennial.settings import Settings

if TYPE_CHECKING:
    from perennial.demo import Story

NOT_PROMOTED = 1


class Teller:
    """Tells the story on standard error as it goes, with the time since its start."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()

    def say(self, message: str) -> None:
        """Print what happens next."""
        self._progress.console.print(f"[{time.monotonic() - self._began:5.0f} s] {message}")

    def progress(self, what: str, total: int) -> Callable[[], None]:
        """Show a bar, and return what moves it on."""
        for task in self._progress.tasks:
            self._progress.update(task.id, visible=False)
        task_id = self._progress.add_task(what, total=total)
        return lambda: self._progress.advance(task_id)


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@json_option
@click.pass_context
def demo(ctx: click.Context, directory: Path | None, as_json: bool) -> None:
    """Show the whole loop in a few minutes.

    That is: serve, drift, feedback, a round, the swap.

    It trains on handwritten digits that come with the installation, or on the images in DIR/CLASS/*, in a
    temporary home with a server of its own; nothing of yours is touched.
    """
    from perennial.demo import tell
    from perennial.demo_world import digits_world, folder_world

    settings = Settings.load()
    # So that the server is stopped, and the temporary home removed, when the demo is told to end.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with Progress(console=console(to_errors=True), transient=True) as progress:
        world = digits_world() if directory is None else folder_world(directory, settings.limits())
        story = tell(world, settings, Teller(progress))
    answer(story.to_json(), as_json=as_json, told=lambda out: _tell(out, story))
    if story.state != "promoted":
        ctx.exit(NOT_PROMOTED)


def _tell(out: Console, story: "Story") -> None:
    rows = table(
        "accuracy", f"before ({story.version_before})", f"after ({story.version_after})", "change",
        title=f"On {story.num_unseen} images that nothing had seen, asked over HTTP",
    )  # fmt: skip
    for name, before, after in (
        ("old: as the world was", story.old_before, story.old_after),
        ("new: as it is now", story.new_before, story.new_after),
    ):
        rows.add_row(name, f"{before:.1f} %", f"{after:.1f} %", f"{after - before:+.1f} points")
    out.print(rows)
    out.print(f"The round was {story.state.replace('_', ' ')}: {story.reason}")
    out.print(f"It took {story.round_seconds:.0f} s from the last feedback, the demo {story.seconds:.0f} s.")
