"""Prints what commands answer: tables for people, JSON for machines."""

import getpass
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from perennial.cli.commands import AS_JSON
from perennial.hints import in_this_shell
from perennial.settings.settings import Settings

Json = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

# Ids of rounds and samples, up to the largest that a database holds.
ROW_ID = click.IntRange(1, 2**63 - 1)


def json_option(command: F) -> F:
    """Give a command the flag `--json`, which is passed to it as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, callback=_remember_json, help="Print JSON, for machines."
    )(command)


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    # A group's flag holds for its commands too: `rounds --json run`.
    ctx.meta[AS_JSON] = value or ctx.meta.get(AS_JSON, False)
    return bool(ctx.meta[AS_JSON])


def print_result(result: Json, *, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print a command's result: as JSON for machines, or with `show` for people."""
    if as_json:
        # In ASCII, since not every output can show all names.
        click.echo(json.dumps(result, default=str))
    else:
        show(console())


def console(*, to_errors: bool = False) -> Console:
    """Return a console on the current standard output, or standard error.

    Brackets in names and paths are printed as they are. The terminal breaks long lines.
    """
    stream = sys.stderr if to_errors else sys.stdout
    return _Console(file=stream, highlight=False, markup=False, soft_wrap=True)


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(in_this_shell(text), **options)


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


def stop_in_order() -> None:
    """Make SIGTERM end the command as an error does, so that it removes what it has begun."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


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


def shortened(name: str, max_length: int = 40) -> str:
    """Return a name that leaves room for what stands beside it in a table.

    >>> shortened("a very long name", 9)
    'a very l…'
    """
    return name if len(name) <= max_length else f"{name[: max_length - 1]}…"


def as_percent(fraction: float | None) -> str:
    """Return a fraction as percent with one decimal, or a dash."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"
