"""`status`, `pause` and `resume`."""

from pathlib import Path

import click
from rich.console import Console

from monitoring import summary
from monitoring.answers.status import RoundProgress, ServingWorker, Status, TrialProgress
from perennial.cli.output import actor, as_percent, json_option, print_result, table
from perennial.cli.rounds import training_in_words
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store import learning_state, registry
from store.versions import Version


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show what serves, what was collected and what learning does."""
    settings = Settings.load()
    with open_existing_state(settings) as state, state.database.read() as connection:
        status = summary.status(connection, settings.threshold_samples)
        version = registry.production(connection)
    description = version.metrics.get("description") if version is not None else None
    result = status.model_dump(mode="json") | {"model": description, "home": str(settings.home)}
    print_result(
        result, as_json=as_json, show=lambda console: _print_status(console, settings.home, status, version)
    )


def _print_status(console: Console, home: Path, status: Status, version: Version | None) -> None:
    console.print(f"The state of {home}:")
    rows = table("", "")
    rows.show_header = False
    rows.add_row("production", _production(version))
    rows.add_row("samples", f"{status.num_pending} new of {status.threshold} for a round")
    if status.waits_for:
        rows.add_row("next round", status.waits_for)
    if status.num_conflicts or status.num_quarantined:
        rows.add_row("set aside", set_aside(status.num_conflicts, status.num_quarantined))
    if status.num_alarms:
        rows.add_row("alarms", f"{status.num_alarms} that nobody looked at: `perennial alarms list`")
    if status.num_questions:
        rows.add_row("queue", f"{status.num_questions} images to label, at /v1/queue")
    if status.num_disputes:
        waiting = f"{status.num_disputes} wait for a person: `perennial samples disputes` lists them"
        rows.add_row("disputes", waiting)
    if status.num_unknown_labels:
        rows.add_row(
            "new classes", f"{status.num_unknown_labels} wait for a person: `perennial classes list`"
        )
    if status.watch:
        rows.add_row("watch", status.watch.sentence)
    current = status.round
    rows.add_row("round", _round(current) if current else "none in progress")
    if status.trial:
        rows.add_row("trial", _trial(status.trial))
    if status.paused:
        rows.add_row("learning", f"paused by {status.paused.by}: {status.paused.reason}")
    else:
        rows.add_row("learning", "a learner is at work" if status.learner.is_alive else "no learner runs")
    for worker in status.workers:
        rows.add_row("worker", _worker(worker))
    if not status.workers:
        rows.add_row("workers", "none: start them with `perennial up`")
    console.print(rows)


def _round(current: RoundProgress) -> str:
    training = f", {training_in_words(current.training)}" if current.training else ""
    return f"{current.id}: {current.state}{training}"


def _trial(trial: TrialProgress) -> str:
    needed = f"; {trial.needed} that prove the candidate right promote it" if trial.needed else ""
    return f"{trial.answered} of {trial.asked} labels came{needed}; it ends {trial.ends:%Y-%m-%d %H:%M} UTC"


def set_aside(num_conflicts: int, num_quarantined: int) -> str:
    """Return in words how many samples no round uses, and why."""
    return (
        f"{num_conflicts} whose sources disagree, {num_quarantined} whose label no class has; "
        "a settlement or another label of the image puts it back"
    )


def _worker(worker: ServingWorker) -> str:
    if worker.version is None or worker.since is None:
        serves = "nothing loaded yet"
    else:
        serves = f"{worker.version} since {worker.since.isoformat()}"
    return ", ".join(filter(None, (serves, worker.error)))


def _production(version: Version | None) -> str:
    if version is None:
        return "none yet: `perennial train DIR` or `perennial up` makes one"
    parts = [
        version.version,
        str(version.metrics.get("description") or f"{len(version.class_names)} classes"),
    ]
    if version.metrics.get("golden_accuracy") is not None:
        parts.append(f"golden accuracy {as_percent(version.metrics['golden_accuracy'])}")
    if version.is_starter:
        parts.append("a starter model")
    return ", ".join(parts)


@click.command()
@click.option("--reason", default="by hand", help="Why; `perennial status` shows it.")
@json_option
def pause(reason: str, as_json: bool) -> None:
    """Pause learning: no round begins until `perennial resume`."""
    with open_existing_state(Settings.load()) as state:
        pause_state = state.database.write(
            lambda connection: learning_state.pause(connection, reason, actor())
        )
    print_result(
        {"paused": pause_state},
        as_json=as_json,
        show=lambda console: console.print("Learning is paused until `perennial resume`."),
    )


@click.command()
@json_option
def resume(as_json: bool) -> None:
    """Resume learning."""
    with open_existing_state(Settings.load()) as state:
        state.database.write(learning_state.resume)
    print_result(
        {"paused": None}, as_json=as_json, show=lambda console: console.print("Learning is resumed.")
    )
