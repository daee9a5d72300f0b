"""`samples` and `predictions`: what can be deleted by hand."""

import click
from rich.console import Console

from perennial.cli.audience import Json, answer, json_option
from perennial.settings import Settings
from perennial.state import open_state
from store.cleanup import delete_blobs
from store.predictions import delete_prediction
from store.samples import delete_sample


@click.group()
def samples() -> None:
    """Delete a sample."""


@samples.command("delete")
@click.argument("sample_id", metavar="ID", type=int)
@json_option
def delete_one_sample(sample_id: int, as_json: bool) -> None:
    """Delete a sample with its labels and bytes; versions that saw it are marked."""
    with open_state(Settings.load()) as state:
        gone = state.database.write(lambda connection: delete_sample(connection, sample_id))
        deleted = delete_blobs(state.database, state.blobs, gone.blobs_to_delete)
    result = {"sample_id": sample_id, "versions": gone.versions, "num_blobs_deleted": len(deleted)}
    answer(result, as_json=as_json, told=lambda console: _tell(console, f"Sample {sample_id}", result))


@click.group()
def predictions() -> None:
    """Delete a prediction."""


@predictions.command("delete")
@click.argument("prediction_id", metavar="ID")
@json_option
def delete_one_prediction(prediction_id: str, as_json: bool) -> None:
    """Delete a prediction with its bytes, and the sample that feedback made of it."""
    with open_state(Settings.load()) as state:
        gone = state.database.write(lambda connection: delete_prediction(connection, prediction_id))
        deleted = delete_blobs(state.database, state.blobs, gone.blobs_to_delete)
    result = {
        "prediction_id": prediction_id,
        "sample_id": gone.sample_id,
        "versions": gone.versions,
        "num_blobs_deleted": len(deleted),
    }
    answer(result, as_json=as_json, told=lambda console: _tell(console, "The prediction", result))


def _tell(console: Console, what: str, result: Json) -> None:
    saw = ", ".join(result["versions"]) or "none"
    console.print(
        f"{what} is deleted, with {result['num_blobs_deleted']} blobs. Versions that saw it: {saw}."
    )
