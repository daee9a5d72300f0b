"""`samples` and `predictions`: what can be deleted by hand."""

import click

from perennial.cli.audience import ROW_ID, Json, answer, json_option
from perennial.settings import Settings
from perennial.state import open_state
from store.cleanup import delete_blobs
from store.predictions import delete_prediction
from store.samples import delete_sample


@click.group()
def samples() -> None:
    """Export and import all samples, or delete one."""


@samples.command("delete")
@click.argument("sample_id", metavar="ID", type=ROW_ID)
@json_option
def delete_one_sample(sample_id: int, as_json: bool) -> None:
    """Delete a sample with its labels and bytes; versions that saw it are marked."""
    with open_state(Settings.load()) as state:
        gone = state.database.write(lambda connection: delete_sample(connection, sample_id))
        deleted = delete_blobs(state.database, state.blobs, gone.blobs_to_delete)
    result = {"sample_id": sample_id, "versions": gone.versions, "num_blobs_deleted": len(deleted)}
    told = _in_words(f"Sample {sample_id}", result)
    answer(result, as_json=as_json, told=lambda console: console.print(told))


@click.group()
def predictions() -> None:
    """Delete a prediction."""


@predictions.command("delete")
@click.argument("prediction_id", metavar="ID")
@json_option
def delete_one_prediction(prediction_id: str, as_json: bool) -> None:
    """Delete a prediction with its bytes; a sample that feedback made of it stays, and is named."""
    with open_state(Settings.load()) as state:
        gone = state.database.write(lambda connection: delete_prediction(connection, prediction_id))
        deleted = delete_blobs(state.database, state.blobs, gone.blobs_to_delete)
    result = {
        "prediction_id": prediction_id,
        "sample_id": gone.sample_id,
        "versions": gone.versions,
        "num_blobs_deleted": len(deleted),
    }
    told = _in_words("The prediction", result)
    if gone.sample_id is not None:
        told += f" The sample made of it stays: perennial samples delete {gone.sample_id}"
    answer(result, as_json=as_json, told=lambda console: console.print(told))


def _in_words(what: str, result: Json) -> str:
    saw = ", ".join(result["versions"]) or "none"
    return f"{what} is deleted, with {result['num_blobs_deleted']} blobs. Versions that saw it: {saw}."
