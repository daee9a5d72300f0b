"""`alarms list|show|ack|accept`."""

from collections.abc import Callable

import click
from rich.console import Console
from sqlalchemy import Connection

from monitoring.alarms import alarms as alarm_list
from monitoring.alarms import describe
from monitoring.answers.alarms import AlarmDetail, AlarmList
from perennial.cli.output import ROW_ID, actor, json_option, print_result, table
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store.alarms import Alarm, accept, acknowledge, find_alarm

_reason = click.option("--reason", default="by hand", help="Why; it is shown beside the alarm.")


@click.group()
def alarms() -> None:
    """List alarms; show, acknowledge, accept one."""


@alarms.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Newest ones.")
@click.option("--before", type=ROW_ID, help="The last id of the page before.")
@json_option
def list_alarms(limit: int, before: int | None, as_json: bool) -> None:
    """List the alarms, newest first."""
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        listed = alarm_list(connection, limit, before)
    print_result(
        listed.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_list(console, listed)
    )


@alarms.command()
@click.argument("alarm_id", metavar="ID", type=ROW_ID)
@json_option
def show(alarm_id: int, as_json: bool) -> None:
    """Show the alarm ID: what is the matter, since when, in which classes and images."""
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        shown = describe(find_alarm(connection, alarm_id))
    print_result(
        shown.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_alarm(console, shown)
    )


@alarms.command()
@click.argument("alarm_id", metavar="ID", type=ROW_ID)
@_reason
@json_option
def ack(alarm_id: int, reason: str, as_json: bool) -> None:
    """Acknowledge the alarm ID: it goes on, and no other of its kind is raised meanwhile."""
    _decide(acknowledge, alarm_id, reason, as_json, "is acknowledged, and goes on.")


@alarms.command("accept")
@click.argument("alarm_id", metavar="ID", type=ROW_ID)
@_reason
@json_option
def accept_alarm(alarm_id: int, reason: str, as_json: bool) -> None:
    """Accept the alarm ID: what comes from now on is normal."""
    _decide(accept, alarm_id, reason, as_json, "is accepted: what comes from now on is normal.")


def _decide(
    decision: Callable[[Connection, int, str, str], Alarm],
    alarm_id: int,
    reason: str,
    as_json: bool,
    outcome: str,
) -> None:
    with open_existing_state(Settings.load()) as state:
        decided = describe(state.database.write(lambda c: decision(c, alarm_id, reason, actor())))
    print_result(
        decided.model_dump(mode="json"),
        as_json=as_json,
        show=lambda console: console.print(f"Alarm {alarm_id} {outcome}"),
    )


def _print_list(console: Console, listed: AlarmList) -> None:
    if not listed.alarms:
        console.print("There is no alarm.")
        return
    rows = table("id", "kind", "state", "raised", "what")
    for alarm in listed.alarms:
        rows.add_row(str(alarm.id), alarm.kind, alarm.state, alarm.raised.isoformat()[:19], alarm.sentence)
    console.print(rows)
    console.print("`perennial alarms show ID` shows one.")


def _print_alarm(console: Console, alarm: AlarmDetail) -> None:
    rows = table("", "", title=f"Alarm {alarm.id}, {alarm.state}")
    rows.show_header = False
    rows.add_row("what", alarm.sentence)
    rows.add_row("kind", f"{alarm.kind}, noticed by {alarm.detector}")
    rows.add_row("version", alarm.version)
    rows.add_row("since", alarm.since.isoformat()[:19])
    rows.add_row("raised", alarm.raised.isoformat()[:19])
    if alarm.classes:
        rows.add_row("classes", ", ".join(alarm.classes))
    for name, value in alarm.figures.items():
        rows.add_row(name.replace("_", " "), f"{value:,.4g}")
    if alarm.acted is not None:
        rows.add_row("decided", f"{alarm.acted.isoformat()[:19]} by {alarm.acted_by}: {alarm.reason}")
    rows.add_row("images", f"{len(alarm.images)}; their labels are asked for in the queue")
    console.print(rows)
