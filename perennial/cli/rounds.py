"""`rounds`: what learning did, and a person's say in it."""

from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring import summary
from perennial.cli.audience import ROW_ID, Json, actor, answer, json_option, table
from perennial.settings import Settings
from perennial.state import open_state
from store import rounds as store


@click.group(invoke_without_command=True)
@click.pass_context
@json_option
def rounds(ctx: click.Context, as_json: bool) -> None:
    """List rounds; run, show, approve, cancel one."""
    if ctx.invoked_subcommand is None:
        _list(20, as_json)


@rounds.command("list")
@click.option("--limit", default=20, type=click.IntRange(1, 1000), help="Rounds to show, at most.")
@json_option
def list_rounds(limit: int, as_json: bool) -> None:
    """List the rounds, newest first."""
    _list(limit, as_json)


def _list(limit: int, as_json: bool) -> None:
    with open_state(Settings.load()) as state, state.database.read() as connection:
        found = summary.rounds(connection, limit)
    answer(found, as_json=as_json, told=lambda console: _tell_list(console, found["rounds"]))


def _tell_list(console: Console, found: list[Json]) -> None:
    if not found:
        console.print("There were no rounds yet. `perennial rounds run` asks for one.")
        return
    rows = table("round", "state", "candidate", "started", "reason")
    for each in found:
        rows.add_row(
            str(each["id"]),
            each["state"],
            each["candidate"] or "–",
            str(each["started"] or each["created"])[:19],
            each["reason"] or each["trigger"] or "",
        )
    console.print(rows)


@rounds.command()
@json_option
def run(as_json: bool) -> None:
    """Ask for a round now; the learner runs it."""
    found = _changed(lambda connection: store.request_round(connection, actor(), "asked for by hand"))
    told = (
        f"Round {found['id']} is asked for; a running learner begins it: perennial rounds show {found['id']}"
    )
    answer(found, as_json=as_json, told=lambda console: console.print(told))


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@json_option
def show(round_id: int, as_json: bool) -> None:
    """Show one round: its steps, its attempts and the verdict."""
    with open_state(Settings.load()) as state, state.database.read() as connection:
        found = summary.round_detail(connection, round_id)
    answer(found, as_json=as_json, told=lambda console: _tell(console, found))


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@json_option
def approve(round_id: int, as_json: bool) -> None:
    """Promote the candidate of a round that waits for a person."""
    found = _changed(lambda connection: store.approve(connection, round_id, actor()))
    told = f"Round {round_id} is promoted: {found['candidate']} is production, and workers swap to it."
    answer(found, as_json=as_json, told=lambda console: console.print(told))


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@json_option
def cancel(round_id: int, as_json: bool) -> None:
    """Cancel a round; one that runs ends itself within seconds."""
    found = _changed(lambda connection: store.cancel(connection, round_id, actor()))
    is_over = found["state"] == "cancelled"
    told = f"Round {round_id} is cancelled." if is_over else f"Round {round_id} will end itself soon."
    answer(found, as_json=as_json, told=lambda console: console.print(told))


def _changed(change: Callable[[Connection], store.Round]) -> Json:
    """Change a round, or ask for one, and return it as it is then."""

    def work(connection: Connection) -> Json:
        return summary.round_detail(connection, change(connection).id)

    with open_state(Settings.load()) as state:
        return state.database.write(work)


def _tell(console: Console, found: Json) -> None:
    console.print(f"Round {found['id']}: {found['state']}", style="bold")
    for name in ("trigger", "production", "candidate", "reason"):
        if found.get(name):
            console.print(f"{name}: {found[name]}")
    steps = table("step", "at", "detail", title="Steps")
    for step in found["steps"]:
        steps.add_row(step["step"], str(step["created"])[11:19], _in_words(step["detail"]))
    console.print(steps)
    for attempt in found["attempts"]:
        console.print(f"Attempt {attempt['attempt']} ({attempt['cure'] or 'fine-tuned'}):")
        _tell_verdict(console, attempt["verdict"] or {})


def _tell_verdict(console: Console, verdict: Json) -> None:
    console.print(f"  {verdict.get('sentence', 'no verdict')}")
    checks = table("check", "", "numbers")
    for check in verdict.get("checks", []):
        mark = {True: "passed", False: "refused", None: "not decided"}[check.get("passed")]
        checks.add_row(check.get("name", ""), mark, _in_words(check.get("numbers")))
    if verdict.get("checks"):
        console.print(checks)


def _in_words(detail: Any) -> str:
    if not isinstance(detail, dict):
        return str(detail or "")
    return ", ".join(
        f"{name.replace('_', ' ')} {round(value, 4) if isinstance(value, float) else value}"
        for name, value in detail.items()
        if not isinstance(value, dict | list)
    )
