"""Whom a command talks to: tables and one-line errors for people, JSON for machines."""

import getpass
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from perennial.errors import PerennialError, PlaceRefusedError
from perennial.settings import Settings
from retrain.errors import RetrainError
from service.errors import ServiceError
from store.errors import StoreError
from vision.errors import VisionError

Json = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_AS_JSON = "perennial.as_json"
# What a person can mend; anything else is a bug, and keeps its traceback.
MENDABLE = (PerennialError, StoreError, VisionError, RetrainError, ServiceError)
FAILED = 2
# Numbers of rounds and samples: a database's largest id is the end.
ROW_ID = click.IntRange(1, 2**63 - 1)


class Commands(click.Group):
    """A group whose errors are one line with a remedy and exit code 2, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and tell what went wrong to whom it concerns."""
        try:
            return super().invoke(ctx)
        except MENDABLE as error:
            self._fail(ctx, error)
        except OSError as error:
            # Without a file it is about a pipe or a socket, which is not the user's to mend.
            if error.filename is None:
                raise
            self._fail(ctx, PlaceRefusedError.of(error))

    def _fail(self, ctx: click.Context, error: Exception) -> NoReturn:
        report(error, as_json=bool(ctx.meta.get(_AS_JSON)))
        ctx.exit(FAILED)


def report(error: Exception, *, as_json: bool) -> None:
    """Print an error, to standard error for people, as the command's answer for machines."""
    if as_json:
        code = type(error).__name__.removesuffix("Error")
        click.echo(json.dumps({"error": {"code": code, "message": str(error)}}))
    else:
        click.echo(f"{click.style('Error:', fg='red')} {error}", err=True)


def json_option(command: F) -> F:
    """Give a command the flag `--json`, which it gets as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, callback=_note, help="Print JSON, for machines.")(
        command
    )


def _note(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # Said to a group it holds for its commands: `rounds --json run`.
    ctx.meta[_AS_JSON] = value or ctx.meta.get(_AS_JSON, False)
    return bool(ctx.meta[_AS_JSON])


def answer(result: Json, *, as_json: bool, told: Callable[[Console], None]) -> None:
    """Print a command's result: the JSON itself, or what `told` makes of it."""
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, default=str))
    else:
        told(console())


def console(*, to_errors: bool = False) -> Console:
    """Return where rich output goes; the streams are looked up now, since tests exchange them.

    Brackets in names and paths are what they are, no markup; lines are the terminal's to break.
    """
    stream = sys.stderr if to_errors else sys.stdout
    return Console(file=stream, highlight=False, markup=False, soft_wrap=True)


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the style of all tables."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None)
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=number == 0)
    return made


@contextmanager
def progress(verb: str, as_json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield who is told (done, total), and shows it to people; None for machines."""
    if as_json:
        yield None
        return
    with Progress(console=console(to_errors=True), transient=True) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def actor() -> str:
    """Return who is at the command line, for the reasons that are written down."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def configure_logging(settings: Settings) -> None:
    """Send the log to standard error, from the level that the settings name."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # A line for each job of the learner's clock, and for each look at the database's revision.
    for chatty in ("alembic", "apscheduler"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def in_points(fraction: float | None) -> str:
    """Return a fraction as percent with one decimal, or a dash."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"
