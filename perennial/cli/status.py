"""`status`, `pause` and `resume`."""

from typing import Any

import click
from rich.console import Console

from monitoring import summary
from perennial.cli.audience import actor, answer, in_points, json_option, table
from perennial.settings import Settings
from perennial.state import open_state
from store import registry


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show what serves, what was collected and what learning does."""
    settings = Settings.load()
    with open_state(settings) as state, state.database.read() as connection:
        found = summary.status(connection, settings.threshold)
        version = registry.production(connection)
    description = version.metrics.get("description") if version is not None else None
    result = {**found, "model": description}
    answer(result, as_json=as_json, told=lambda console: _tell(console, result, version))


def _tell(console: Console, found: dict[str, Any], version: registry.Version | None) -> None:
    rows = table("", "")
    rows.show_header = False
    rows.add_row("production", _production(version))
    rows.add_row("samples", f"{found['num_pending']} new of {found['threshold']} for a round")
    current = found["round"]
    rows.add_row("round", f"{current['id']}: {current['state']}" if current else "none in progress")
    if found.get("paused"):
        rows.add_row("learning", f"paused by {found['paused']['by']}: {found['paused']['reason']}")
    elif "learner" in found:
        rows.add_row(
            "learning", "a learner is at work" if found["learner"]["is_alive"] else "no learner runs"
        )
    for worker in found["workers"]:
        serves = f"{worker['version']} since {worker['since']}" if worker["version"] else "nothing loaded yet"
        rows.add_row("worker", ", ".join(filter(None, (serves, worker["error"]))))
    if not found["workers"]:
        rows.add_row("workers", "none: start them with `perennial up`")
    console.print(rows)


def _production(version: registry.Version | None) -> str:
    if version is None:
        return "none yet: `perennial train DIR` or `perennial up` makes one"
    parts = [
        version.version,
        str(version.metrics.get("description") or f"{len(version.class_names)} classes"),
    ]
    if version.metrics.get("golden_accuracy") is not None:
        parts.append(f"golden accuracy {in_points(version.metrics['golden_accuracy'])}")
    if version.is_starter:
        parts.append("a starter model")
    return ", ".join(parts)


@click.command()
@click.option("--reason", default="by hand", help="Why; shown to whoever looks.")
@json_option
def pause(reason: str, as_json: bool) -> None:
    """Begin no more rounds until `perennial resume`."""
    with open_state(Settings.load()) as state:
        made = state.database.write(lambda connection: registry.pause(connection, reason, actor()))
    answer(
        {"paused": made},
        as_json=as_json,
        told=lambda console: console.print("Learning is paused. `perennial resume` lets it go on."),
    )


@click.command()
@json_option
def resume(as_json: bool) -> None:
    """Let learning go on."""
    with open_state(Settings.load()) as state:
        state.database.write(registry.resume)
    answer({"paused": None}, as_json=as_json, told=lambda console: console.print("Learning goes on."))
