"""`rounds`: what learning did, and a person's say in it."""

import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection

from monitoring import summary
from monitoring.answers.rounds import RoundDetail, RoundSummary
from monitoring.answers.status import Training
from perennial.cli.curves import print_curves
from perennial.cli.output import ROW_ID, actor, console, json_option, print_result, table
from perennial.cli.verdicts import in_words, print_verdict
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store.round_states import WAITING
from store.rounds import rounds as store
from store.rounds.log import SOURCES_STEP
from store.rounds.records import Round
from store.state import State

_FOLLOW_SECONDS = 1.0


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
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        recent = summary.rounds(connection, limit)
    print_result(
        recent.model_dump(mode="json"),
        as_json=as_json,
        show=lambda console: _print_rounds(console, recent.rounds),
    )


def _print_rounds(console: Console, recent: list[RoundSummary]) -> None:
    if not recent:
        console.print("There are no rounds yet. `perennial rounds run` asks for one.")
        return
    rows = table("round", "state", "candidate", "started", "reason")
    for one in recent:
        rows.add_row(
            str(one.id),
            one.state,
            one.candidate or "–",
            (one.started or one.created).isoformat()[:19],
            one.reason or one.trigger,
        )
    console.print(rows)


@rounds.command()
@json_option
def run(as_json: bool) -> None:
    """Ask for a round now; the learner runs it."""
    detail = _changed(lambda connection: store.request_round(connection, actor(), "asked for by hand"))
    text = (
        f"Round {detail.id} is requested; a running learner begins it. To see it: "
        f"perennial rounds show {detail.id} --follow"
    )
    _print_detail(detail, as_json, lambda console: console.print(text))


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@click.option("--follow", is_flag=True, help="Print its steps as they come, until it ends or waits for you.")
@json_option
def show(round_id: int, follow: bool, as_json: bool) -> None:
    """Show one round: its steps, how far its training is, its attempts and the verdict."""
    with open_existing_state(Settings.load()) as state:
        detail = _followed(state, round_id) if follow else _detail(state, round_id)
    _print_detail(detail, as_json, lambda console: _print_round(console, detail))


def _detail(state: State, round_id: int) -> RoundDetail:
    with state.database.read() as connection:
        return summary.round_detail(connection, round_id)


def _followed(state: State, round_id: int) -> RoundDetail:
    """Print on standard error what happens to a round, and return it when nothing more does by itself."""
    num_printed = 0
    with Progress(console=console(to_errors=True), transient=True) as bar:
        task = bar.add_task("waits for a learner", total=None)
        while True:
            detail = _detail(state, round_id)
            for step in detail.steps[num_printed:]:
                bar.console.print(f"{step.created.isoformat()[11:19]} {step.step}: {in_words(step.detail)}")
            num_printed = len(detail.steps)
            if detail.ended is not None or detail.state in WAITING:
                return detail
            text = detail.state if detail.training is None else training_in_words(detail.training)
            done, total = (
                (detail.training.num_steps_done, detail.training.num_steps) if detail.training else (0, None)
            )
            bar.update(task, description=text, completed=done, total=total)
            time.sleep(_FOLLOW_SECONDS)


def training_in_words(training: Training) -> str:
    """Return how far a training is.

    >>> training_in_words(
    ...     Training(epoch=2, num_epochs=3, num_steps_done=45, num_steps=90, seconds_left=80)
    ... )
    'epoch 2 of 3, step 45 of 90, about 80 s left'
    """
    seconds = training.seconds_left
    left = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    steps = f"step {training.num_steps_done:,} of {training.num_steps:,}"
    return f"epoch {training.epoch} of {training.num_epochs}, {steps}, about {left} left"


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@json_option
def approve(round_id: int, as_json: bool) -> None:
    """Promote the candidate of a round that waits for a person."""
    detail = _changed(lambda connection: store.approve(connection, round_id, actor()))
    text = f"Round {round_id} is promoted: {detail.candidate} is production, and workers swap to it."
    _print_detail(detail, as_json, lambda console: console.print(text))


@rounds.command()
@click.argument("round_id", metavar="ID", type=ROW_ID)
@json_option
def cancel(round_id: int, as_json: bool) -> None:
    """Cancel a round; a running one ends within seconds."""
    detail = _changed(lambda connection: store.cancel(connection, round_id, actor()))
    is_over = detail.state == "cancelled"
    text = f"Round {round_id} is cancelled." if is_over else f"Round {round_id} will end soon."
    _print_detail(detail, as_json, lambda console: console.print(text))


def _print_detail(detail: RoundDetail, as_json: bool, show_text: Callable[[Console], None]) -> None:
    print_result(detail.model_dump(mode="json"), as_json=as_json, show=show_text)


def _changed(change: Callable[[Connection], Round]) -> RoundDetail:
    """Change a round, or ask for one, and return it as it is then."""

    def work(connection: Connection) -> RoundDetail:
        return summary.round_detail(connection, change(connection).id)

    with open_existing_state(Settings.load()) as state:
        return state.database.write(work)


def _print_round(console: Console, detail: RoundDetail) -> None:
    console.print(f"Round {detail.id}: {detail.state}", style="bold")
    for name in ("trigger", "production", "candidate", "reason"):
        text = getattr(detail, name)
        if text:
            console.print(f"{name}: {text}")
    for step in detail.steps:
        if step.step == SOURCES_STEP and step.detail["sentence"]:
            console.print(f"sources: {step.detail['sentence']}")
    if detail.training is not None:
        console.print(f"training: {training_in_words(detail.training)}")
    steps = table("step", "at", "detail", title="Steps")
    for step in detail.steps:
        # Epochs are among the curves, a cure beside its attempt, and `--json` has the recipe.
        if step.step in ("epoch", "cure", "recipe"):
            continue
        steps.add_row(step.step, step.created.isoformat()[11:19], in_words(step.detail))
    console.print(steps)
    if detail.curves is not None and detail.curves.get("epochs"):
        print_curves(console, detail.curves)
    for attempt in detail.attempts:
        if attempt.why:
            console.print(attempt.why, style="italic")
        console.print(f"Attempt {attempt.attempt} ({attempt.cure or 'fine-tuned'}):")
        print_verdict(console, attempt.verdict)
    if detail.verdict is not None and detail.verdict not in [each.verdict for each in detail.attempts]:
        console.print("In the end:" if detail.ended else "Now:")  # labels came since
        print_verdict(console, detail.verdict)
