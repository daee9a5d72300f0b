"""`backup` and `restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from perennial.cli.output import json_option, print_result, progress_bar
from perennial.settings.settings import Settings
from store.backup import back_up
from store.backup import restore as restore_backup
from store.blobs.blob_store import BlobStore
from store.database.migrate import migrate


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@json_option
def backup(directory: Path | None, as_json: bool) -> None:
    """Copy the state into DIRECTORY, while the server runs.

    The default is a new folder in the home's backups.
    """
    settings = Settings.load()
    target = directory or settings.home / "backups" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    with _blobs(settings) as blobs, progress_bar("Copying", as_json) as on_progress:
        copied = back_up(settings.database_url, blobs, target, on_progress)
    result = {
        "directory": str(target),
        "counts": copied.counts,
        "num_blobs": copied.num_blobs,
        "num_bytes": copied.num_bytes,
        "missing": copied.missing,
    }
    sentence = f"{copied.num_blobs} blobs and the database are in {target}."
    if copied.missing:
        sentence += f" {len(copied.missing)} blobs are missing: deleted meanwhile, or lost."
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
def restore(directory: Path, as_json: bool) -> None:
    """Restore the backup in DIRECTORY into an empty home."""
    settings = Settings.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    with _blobs(settings) as blobs, progress_bar("Restoring", as_json) as on_progress:
        restored = restore_backup(directory, settings.database_url, blobs, on_progress)
    migrate(settings.database_url)
    result = {"home": str(settings.home), "counts": restored.counts, "num_blobs": restored.num_blobs}
    sentence = (
        f"{restored.num_blobs} blobs and the database are in {settings.home}. `perennial up` serves them."
    )
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@contextmanager
def _blobs(settings: Settings) -> Iterator[BlobStore]:
    blobs = BlobStore(settings.blobs)
    try:
        yield blobs
    finally:
        blobs.close()
