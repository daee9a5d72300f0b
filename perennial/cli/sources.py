"""`sources list|quarantine|release`."""

import click
from rich.console import Console

from monitoring import source_answers
from monitoring.answers.sources import SourceDecision, SourceDetail, SourceList
from perennial.cli.output import actor, json_option, print_result, table
from perennial.settings.settings import Settings
from perennial.state import open_existing_state

_reason = click.option("--reason", default="by hand", help="Why; it is shown beside the source.")


@click.group()
def sources() -> None:
    """List the sources of labels; quarantine, release one."""


@sources.command("list")
@json_option
def list_sources(as_json: bool) -> None:
    """List the sources of labels, the largest first.

    A source is the key that sends labels. It is named where a round finds most of its labels doubtful.
    """
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        listed = source_answers.sources(connection)
    print_result(
        listed.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_list(console, listed)
    )


@sources.command()
@click.argument("name")
@_reason
@json_option
def quarantine(name: str, reason: str, as_json: bool) -> None:
    """Let the labels of source NAME count no more; nothing is deleted.

    Its samples leave training, replay and what is judged on at once, but for those that others labelled too.
    """
    with open_existing_state(Settings.load()) as state:
        decided = state.database.write(lambda c: source_answers.quarantine(c, name, reason, actor()))
    _print_decision(decided, "is quarantined", as_json)


@sources.command()
@click.argument("name")
@json_option
def release(name: str, as_json: bool) -> None:
    """Let the labels of the quarantined source NAME count again."""
    with open_existing_state(Settings.load()) as state:
        decided = state.database.write(lambda c: source_answers.release(c, name))
    _print_decision(decided, "is released", as_json)


def _print_list(console: Console, listed: SourceList) -> None:
    if not listed.sources:
        console.print("Nobody sent a label yet.")
        return
    rows = table("source", "samples", "doubtful", "", "what the last round found")
    for each in listed.sources:
        review = each.review
        share = "–" if review is None else f"{100 * review.share_doubtful:.0f} %"
        found = "not reviewed: a round compares two sources at least" if review is None else review.sentence
        rows.add_row(each.name, f"{each.num_samples:,}", share, _mark(each), found)
    console.print(rows)
    for each in listed.sources:
        if each.versions:
            console.print(f"Learnt from {each.name}: {', '.join(each.versions)}.")
    console.print("`perennial sources quarantine NAME` lets a source count no more.")


def _mark(source: SourceDetail) -> str:
    if source.quarantine is not None:
        return "quarantined"
    return "named" if source.review is not None and source.review.is_named else ""


def _print_decision(decided: SourceDecision, what: str, as_json: bool) -> None:
    def show(console: Console) -> None:
        source = decided.source
        console.print(f"{source.name} {what}. Samples that changed: {decided.num_changed:,}.")
        if source.versions and source.quarantine is not None:
            console.print(
                f"Versions that learnt from it: {', '.join(source.versions)}. "
                "`perennial models rollback` goes back to an earlier one."
            )

    print_result(decided.model_dump(mode="json"), as_json=as_json, show=show)
