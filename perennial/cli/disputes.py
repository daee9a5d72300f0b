"""`samples disputes` and `samples settle`."""

import click
from rich.console import Console

from monitoring import dispute_answers
from monitoring.answers.disputes import DisputeDetail, DisputeList
from perennial.cli.output import ROW_ID, actor, json_option, print_result, table
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from service.feedback.settling import settle_dispute


@click.command("disputes")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Newest ones.")
@click.option("--before", type=ROW_ID, help="The last id of the page before.")
@json_option
def list_disputes(limit: int, before: int | None, as_json: bool) -> None:
    """List the samples whose label a person has to settle."""
    with open_existing_state(Settings.load()) as state, state.database.read() as connection:
        listed = dispute_answers.disputes(connection, limit, before)
    print_result(
        listed.model_dump(mode="json"), as_json=as_json, show=lambda console: _print_disputes(console, listed)
    )


@click.command("settle")
@click.argument("dispute_id", metavar="ID", type=ROW_ID)
@click.argument("label")
@json_option
def settle_one(dispute_id: int, label: str, as_json: bool) -> None:
    """Settle the dispute ID: LABEL is in force from now on.

    Only another settlement changes it again.
    """
    with open_existing_state(Settings.load()) as state:
        settled = state.database.write(
            lambda connection: dispute_answers.dispute(settle_dispute(connection, dispute_id, label, actor()))
        )
    sentence = f"Sample {settled.sample_id} is {settled.label} from now on."
    result = settled.model_dump(mode="json")
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


def _print_disputes(console: Console, listed: DisputeList) -> None:
    if not listed.disputes:
        console.print("No dispute waits for a person.")
        return
    rows = table("id", "sample", "in force", "said", "since")
    for dispute in listed.disputes:
        created = dispute.created.isoformat()[:19]
        rows.add_row(
            str(dispute.id), str(dispute.sample_id), dispute.label or "none", _said(dispute), created
        )
    console.print(rows)
    if listed.num_disputes > len(listed.disputes):
        console.print(f"{listed.num_disputes} in all; --before {listed.disputes[-1].id} shows the next.")
    console.print("`perennial samples settle ID LABEL` settles one.")


def _said(dispute: DisputeDetail) -> str:
    return ", ".join(
        f"{each.label} ({each.source}{', trusted' if each.is_trusted else ''})" for each in dispute.said
    )
