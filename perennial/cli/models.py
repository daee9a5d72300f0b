"""`models`: the versions, and which of them is production."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring import summary
from perennial.cli.audience import actor, answer, in_points, json_option, table
from perennial.errors import TargetExistsError
from perennial.settings import Settings
from perennial.state import open_state
from store import registry

_force = click.option("--force", is_flag=True, help="Also to a version with other classes.")
_reason = click.option("--reason", default="by hand", help="Why; kept with the move.")


@click.group(invoke_without_command=True)
@click.pass_context
@json_option
def models(ctx: click.Context, as_json: bool) -> None:
    """List versions; promote, roll back, export."""
    if ctx.invoked_subcommand is None:
        _list(50, as_json)


@models.command("list")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), help="Versions to show, at most.")
@json_option
def list_models(limit: int, as_json: bool) -> None:
    """List the versions, newest first."""
    _list(limit, as_json)


def _list(limit: int, as_json: bool) -> None:
    with open_state(Settings.load()) as state, state.database.read() as connection:
        found = summary.models(connection, limit)
    answer(found, as_json=as_json, told=lambda console: _tell(console, found["models"]))


def _tell(console: Console, found: list[dict[str, Any]]) -> None:
    if not found:
        console.print("There are no versions yet: `perennial train DIR` makes the first.")
        return
    rows = table("version", "production", "parent", "created", "golden accuracy", "")
    for model in found:
        metrics = model["metrics"]
        rows.add_row(
            model["version"],
            "●" if model["is_production"] else "",
            model["parent"] or "–",
            str(model["created"])[:19],
            in_points(metrics.get("golden_accuracy")),
            "starter" if model["is_starter"] else "",
        )
    console.print(rows)


@models.command()
@click.argument("version")
@_reason
@_force
@json_option
def promote(version: str, reason: str, force: bool, as_json: bool) -> None:
    """Make VERSION production; every worker swaps to it by itself."""
    _move(
        lambda connection: registry.promote(connection, version, reason=reason, actor=actor(), force=force),
        as_json,
    )


@models.command()
@click.argument("version", required=False)
@_reason
@_force
@json_option
def rollback(version: str | None, reason: str, force: bool, as_json: bool) -> None:
    """Go back to the version before, or to VERSION; learning pauses until `perennial resume`."""
    _move(
        lambda connection: registry.roll_back(
            connection, reason=reason, actor=actor(), to=version, force=force
        ),
        as_json,
    )


def _move(work: Callable[[Connection], registry.Move], as_json: bool) -> None:
    with open_state(Settings.load()) as state:
        move = state.database.write(work)
        with state.database.read() as connection:
            is_paused = registry.paused(connection) is not None
    result = {"from": move.from_version, "to": move.to_version, "reason": move.reason, "actor": move.actor}
    told = f"Production is {move.to_version} now, {move.from_version or 'nothing'} before. Workers follow."
    if is_paused:
        told += " Learning is paused: `perennial resume` lets it go on."
    answer(result, as_json=as_json, told=lambda console: console.print(told))


@models.command()
@click.argument("version")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@json_option
def export(version: str, directory: Path | None, as_json: bool) -> None:
    """Write VERSION's files (safetensors, JSON, curves) into DIRECTORY, by default named after it."""
    target = directory or Path(version)
    if target.exists():
        raise TargetExistsError(f"Expected a new folder to export into, {target} exists. Name another.")
    with open_state(Settings.load()) as state:
        with state.database.read() as connection:
            found = registry.find_version(connection, version)
        files = dict(registry.load_files(state.blobs, found))
    target.mkdir(parents=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    result = {"version": version, "directory": str(target), "files": sorted(files)}
    answer(result, as_json=as_json, told=lambda console: console.print(f"{version} is in {target}."))
