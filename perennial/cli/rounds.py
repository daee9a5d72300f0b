"""`rounds`: what learning did, and a person's say in it."""

from typing import Any

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring import summary
from perennial.cli.audience import actor, answer, json_option, table
from perennial.settings import Settings
from perennial.state import open_state
from store import rounds as store

Json = dict[str, Any]


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

    def work(connection: Connection) -> int:
        return store.request_round(connection, actor(), "asked for by hand").id

    with open_state(Settings.load()) as state:
        round_id = state.database.write(work)
        shown = _read(state.database.read, round_id)
    answer(
        shown,
        as_json=as_json,
        told=lambda console: console.print(
            f"Round {round_id} is asked for; a running learner begins it. `perennial rounds show {round_id}`"
        ),
    )


@rounds.command()
@click.argument("round_id", metavar="ID", type=int)
@json_option
def show(round_id: int, as_json: bool) -> None:
    """Show one round: its steps, its attempts and the verdict."""
    with open_state(Settings.load()) as state:
        found = _read(state.database.read, round_id)
    answer(found, as_json=as_json, told=lambda console: _tell(console, found))


@rounds.command()
@click.argument("round_id", metavar="ID", type=int)
@json_option
def approve(round_id: int, as_json: bool) -> None:
    """Promote the candidate of a round that waits for a person."""
    with open_state(Settings.load()) as state:
        state.database.write(lambda connection: store.approve(connection, round_id, actor()))
        found = _read(state.database.read, round_id)
    answer(
        found,
        as_json=as_json,
        told=lambda console: console.print(
            f"Round {round_id} is promoted: {found['candidate']} is production, and workers swap to it."
        ),
    )


@rounds.command()
@click.argument("round_id", metavar="ID", type=int)
@json_option
def cancel(round_id: int, as_json: bool) -> None:
    """Cancel a round; one that runs ends itself within seconds."""
    with open_state(Settings.load()) as state:
        state.database.write(lambda connection: store.cancel(connection, round_id, actor()))
        found = _read(state.database.read, round_id)
    is_over = found["state"] == "cancelled"
    told = f"Round {round_id} is cancelled." if is_over else f"Round {round_id} will end itself soon."
    answer(found, as_json=as_json, told=lambda console: console.print(told))


def _read(read: Any, round_id: int) -> Json:
    with read() as connection:
        return summary.round_detail(connection, round_id)


def _tell(console: Console, found: Json) -> None:
    console.print(f"[bold]Round {found['id']}[/bold]: {found['state']}", markup=True)
    for name in ("trigger", "production", "candidate", "reason"):
        if found.get(name):
            console.print(f"{name}: {found[name]}", markup=False)
    steps = table("step", "at", "detail", title="Steps")
    for step in found["steps"]:
        steps.add_row(step["step"], str(step["created"])[11:19], _in_words(step["detail"]))
    console.print(steps)
    for attempt in found["attempts"]:
        console.print(f"Attempt {attempt['attempt']} ({attempt['cure'] or 'fine-tuned'}):", markup=False)
        _tell_verdict(console, attempt["verdict"] or {})


def _tell_verdict(console: Console, verdict: Json) -> None:
    console.print(f"  {verdict.get('sentence', 'no verdict')}", markup=False)
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
