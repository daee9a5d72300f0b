"""Prints what commands answer: tables and one-line errors for people, JSON for machines."""

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
from perennial.settings.settings import Settings
from retrain.errors import RetrainError
from service.errors import ServiceError
from store.errors import StoreError
from transfer.errors import TransferError
from vision.errors import VisionError

Json = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_AS_JSON = "perennial.as_json"
# Errors that a person can mend; any other error is a bug, and keeps its traceback.
MENDABLE = (PerennialError, TransferError, StoreError, VisionError, RetrainError, ServiceError)
FAILED = 2
# Ids of rounds and samples, up to the largest that a database holds.
ROW_ID = click.IntRange(1, 2**63 - 1)


class Commands(click.Group):
    """A group whose errors are one line with a remedy and exit code 2, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and print its error where a person can mend it."""
        try:
            return super().invoke(ctx)
        except MENDABLE as error:
            self._fail(ctx, error)
        except OSError as error:
            # An error without a file is about a pipe or a socket, which no user can mend.
            if error.filename is None:
                raise
            self._fail(ctx, PlaceRefusedError.of(error))

    def _fail(self, ctx: click.Context, error: Exception) -> NoReturn:
        print_error(error, as_json=bool(ctx.meta.get(_AS_JSON)))
        ctx.exit(FAILED)


def print_error(error: Exception, *, as_json: bool) -> None:
    """Print an error: on standard error for people, as the command's JSON for machines."""
    if as_json:
        code = type(error).__name__.removesuffix("Error")
        click.echo(json.dumps({"error": {"code": code, "message": str(error)}}))
    else:
        click.echo(f"{click.style('Error:', fg='red')} {error}", err=True)


def json_option(command: F) -> F:
    """Give a command the flag `--json`, which is passed to it as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, callback=_remember_json, help="Print JSON, for machines."
    )(command)


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # A group's flag holds for its commands too: `rounds --json run`.
    ctx.meta[_AS_JSON] = value or ctx.meta.get(_AS_JSON, False)
    return bool(ctx.meta[_AS_JSON])


def print_result(result: Json, *, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print a command's result: as JSON for machines, or with `show` for people."""
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, default=str))
    else:
        show(console())


def console(*, to_errors: bool = False) -> Console:
    """Return a console on the current standard output, or standard error.

    Brackets in names and paths are printed as they are. The terminal breaks long lines.
    """
    stream = sys.stderr if to_errors else sys.stdout
    return Console(file=stream, highlight=False, markup=False, soft_wrap=True)


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the style of all tables."""
    empty = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None)
    for number, column in enumerate(columns):
        empty.add_column(column, overflow="fold", no_wrap=number == 0)
    return empty


@contextmanager
def progress_bar(verb: str, as_json: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function that shows (done, total) to people, or None for machines."""
    if as_json:
        yield None
        return
    with Progress(console=console(to_errors=True), transient=True) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def actor() -> str:
    """Return who is at the command line; it is recorded beside the reason of a change."""
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
    # They log a line for each job of the learner and for each check of the database's revision.
    for name in ("alembic", "apscheduler"):
        logging.getLogger(name).setLevel(logging.WARNING)


def as_percent(fraction: float | None) -> str:
    """Return a fraction as percent with one decimal, or a dash."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"
