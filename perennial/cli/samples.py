"""`samples` and `predictions`: the commands of each, and the deletion of one."""

import click

from perennial.cli.archives import export_all, import_all
from perennial.cli.disputes import list_disputes, settle_one
from perennial.cli.output import ROW_ID, Json, json_option, print_result
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store.cleanup import delete_blobs
from store.predictions.predictions import delete_prediction
from store.samples.samples import delete_sample


@click.group()
def samples() -> None:
    """Export and import all samples, settle disputes, or delete one."""


samples.add_command(export_all)
samples.add_command(import_all)
samples.add_command(list_disputes)
samples.add_command(settle_one)


@samples.command("delete")
@click.argument("sample_id", metavar="ID", type=ROW_ID)
@json_option
def delete_one_sample(sample_id: int, as_json: bool) -> None:
    """Delete a sample with its labels and bytes; versions that saw it are marked."""
    with open_existing_state(Settings.load()) as state:
        deletion = state.database.write(lambda connection: delete_sample(connection, sample_id))
        deleted = delete_blobs(state.database, state.blobs, deletion.blobs_to_delete)
    result = {"sample_id": sample_id, "versions": deletion.versions, "num_blobs_deleted": len(deleted)}
    sentence = _describe(f"Sample {sample_id}", result)
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@click.group()
def predictions() -> None:
    """Delete a prediction."""


@predictions.command("delete")
@click.argument("prediction_id", metavar="ID")
@json_option
def delete_one_prediction(prediction_id: str, as_json: bool) -> None:
    """Delete a prediction with its bytes; a sample that feedback made of it stays."""
    with open_existing_state(Settings.load()) as state:
        deletion = state.database.write(lambda connection: delete_prediction(connection, prediction_id))
        deleted = delete_blobs(state.database, state.blobs, deletion.blobs_to_delete)
    result = {
        "prediction_id": prediction_id,
        "sample_id": deletion.sample_id,
        "versions": deletion.versions,
        "num_blobs_deleted": len(deleted),
    }
    sentence = _describe("The prediction", result)
    if deletion.sample_id is not None:
        sentence += f" The sample made of it stays: perennial samples delete {deletion.sample_id}"
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


def _describe(deleted: str, result: Json) -> str:
    saw = ", ".join(result["versions"]) or "none"
    return f"{deleted} is deleted, with {result['num_blobs_deleted']} blobs. Versions that saw it: {saw}."
