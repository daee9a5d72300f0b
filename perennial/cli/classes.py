"""`classes list|accept|merge|reject`."""

from collections.abc import Callable

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring import class_answers
from monitoring.answers.classes import ClassList, UnknownLabelDetail
from perennial.cli.output import actor, json_option, print_result, shortened, table
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store.classes import deciding
from store.classes.decisions import Decision


@click.group()
def classes() -> None:
    """List unknown labels; accept, merge, reject one."""


@classes.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Labels, at most.")
@json_option
def list_classes(limit: int, as_json: bool) -> None:
    """List the labels that production does not know, and the classes."""
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        listed = class_answers.classes(connection, limit)
    print_result(
        listed.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_list(console, listed)
    )


@classes.command()
@click.argument("name")
@json_option
def accept(name: str, as_json: bool) -> None:
    """Accept the label NAME as a class: the next round learns it."""
    by = actor()
    _decide(lambda c: deciding.accept(c, name, by), as_json, f"The next round learns {name}.")


@classes.command()
@click.argument("name")
@click.argument("into")
@json_option
def merge(name: str, into: str, as_json: bool) -> None:
    """Have the label NAME mean INTO, a class or another label, now and later."""
    by = actor()
    _decide(lambda c: deciding.merge(c, name, into, by), as_json, f"{name} means {into} from now on.")


@classes.command()
@click.argument("name")
@json_option
def reject(name: str, as_json: bool) -> None:
    """Keep the label NAME out for good; its samples wait no longer."""
    by = actor()
    _decide(lambda c: deciding.reject(c, name, by), as_json, f"{name} is never learnt.")


def _decide(decision: Callable[[Connection], Decision], as_json: bool, outcome: str) -> None:
    with open_existing_state(Settings.load()) as state:
        decided = class_answers.decision(state.database.write(decision))
    print_result(
        decided.model_dump(mode="json"), as_json=as_json, show=lambda console: console.print(outcome)
    )


def _print_list(console: Console, listed: ClassList) -> None:
    if listed.unknown:
        rows = table("label", "samples", "sources", "newest", "like", "state")
        for label in listed.unknown:
            newest = label.newest.isoformat()[:19]
            like = " or ".join(sorted({name for name in (label.nearest, label.answered) if name})) or "–"
            counts = str(label.num_samples), str(label.num_sources)
            rows.add_row(shortened(label.name), *counts, newest, like, _state(label))
        console.print(rows)
        console.print("`perennial classes accept NAME` has the next round learn one.")
    else:
        console.print("No sample has a label that production does not know.")
    known = table("class", "samples")
    for each in listed.classes:
        known.add_row(shortened(each.name), f"{each.num_samples:,}")
    console.print(known)


def _state(label: UnknownLabelDetail) -> str:
    if label.accepted_by is not None:
        return f"accepted by {label.accepted_by}"
    return "due" if label.is_due else "too few"
