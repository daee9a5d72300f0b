"""`models`: the versions, and which of them is production."""

from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring import summary
from monitoring.answers.models import Model, ModelDetail
from perennial.cli.curves import print_curves
from perennial.cli.output import actor, as_percent, json_option, print_result, table
from perennial.errors import TargetExistsError
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store import learning_state, registry
from store.errors import AcrossLineagesError
from store.versions import find_version, load_files

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
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        versions = summary.models(connection, limit)
    print_result(
        versions.model_dump(mode="json"),
        as_json=as_json,
        show=lambda console: _print_models(console, versions.models),
    )


def _print_models(console: Console, versions: list[Model]) -> None:
    if not versions:
        console.print("There are no versions yet: `perennial train DIR` makes the first.")
        return
    rows = table("version", "production", "parent", "created", "golden accuracy", "")
    for version in versions:
        rows.add_row(
            version.version,
            "●" if version.is_production else "",
            version.parent or "–",
            version.created.isoformat()[:19],
            as_percent(version.metrics.get("golden_accuracy")),
            _marks(version),
        )
    console.print(rows)


def _marks(version: Model) -> str:
    watch = version.watch.state.replace("_", " ") if version.watch else ""
    learnt = ", ".join(version.quarantined_sources)
    quarantined = f"learnt from {learnt}, now quarantined" if learnt else ""
    return ", ".join(filter(None, ("starter" if version.is_starter else "", watch, quarantined)))


@models.command()
@click.argument("version")
@json_option
def show(version: str, as_json: bool) -> None:
    """Show VERSION: its metrics, how its training went, and when it was production."""
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        detail = summary.model(connection, version)
    print_result(
        detail.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_model(console, detail)
    )


def _print_model(console: Console, detail: ModelDetail) -> None:
    source = f"round {detail.round_id}" if detail.round_id else "a starter" if detail.is_starter else "train"
    console.print(f"{detail.version}, from {source}, {detail.num_classes} classes", style="bold")
    rows = table("metric", "")
    for name, value in detail.metrics.items():
        is_share = name.endswith(("accuracy", "_error")) and isinstance(value, float)
        rows.add_row(name.replace("_", " "), as_percent(value) if is_share else _in_words(value))
    console.print(rows)
    if detail.curves is not None:
        print_curves(console, detail.curves)
    if detail.promotion is not None:
        console.print(
            f"Production since {detail.promotion.created.isoformat()[:19]}: {detail.promotion.reason}"
        )
    if detail.watch is not None:
        console.print(detail.watch.sentence)


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


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
    with open_existing_state(Settings.load()) as state:
        try:
            move = state.database.write(work)
        except AcrossLineagesError as error:
            raise AcrossLineagesError(f"{error} To force it, add --force.") from error
        with state.database.read() as connection:
            is_paused = learning_state.paused(connection) is not None
    result = {"from": move.from_version, "to": move.to_version, "reason": move.reason, "actor": move.actor}
    sentence = (
        f"Production is {move.to_version}; before, it was {move.from_version or 'nothing'}. Workers follow."
    )
    if is_paused:
        sentence += " Learning is paused until `perennial resume`."
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@models.command()
@click.argument("version")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@json_option
def export(version: str, directory: Path | None, as_json: bool) -> None:
    """Write VERSION's files (safetensors, JSON, curves) into DIRECTORY, by default named after it."""
    target = directory or Path(version)
    if target.exists():
        raise TargetExistsError(f"Expected a new folder to export into, {target} exists. Name another.")
    with open_existing_state(Settings.load()) as state:
        with state.database.read() as connection:
            record = find_version(connection, version)
        files = dict(load_files(state.blobs, record))
    target.mkdir(parents=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    result = {"version": version, "directory": str(target), "files": sorted(files)}
    print_result(result, as_json=as_json, show=lambda console: console.print(f"{version} is in {target}."))
