"""`backup` and `restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from perennial.cli.output import json_option, print_result, progress_bar, stop_in_order
from perennial.settings.settings import Settings
from perennial.state import prepare_home, refuse_missing_home
from store.backup import back_up
from store.backup import restore as restore_backup
from store.blobs.blob_store import BlobStore


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@json_option
def backup(directory: Path | None, as_json: bool) -> None:
    """Copy the state into DIRECTORY, while the server runs.

    The hashed keys come along. The default is a new folder in the home's backups.
    """
    settings = Settings.load()
    refuse_missing_home(settings)
    stop_in_order()
    target = directory or settings.home / "backups" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    with _blobs(settings) as blobs, progress_bar("Copying", as_json) as on_progress:
        copied = back_up(settings.database_url, blobs, settings.keys, target, on_progress)
    result = {
        "directory": str(target),
        "counts": copied.counts,
        "num_blobs": copied.num_blobs,
        "num_bytes": copied.num_bytes,
        "missing": copied.missing,
        "has_keys": copied.keys_sha256 is not None,
    }
    others = "the database and the hashed keys" if copied.keys_sha256 else "the database"
    sentence = f"{copied.num_blobs} blobs and {others} are in {target}."
    if copied.missing:
        sentence += f" {len(copied.missing)} blobs are missing: deleted meanwhile, or lost."
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
def restore(directory: Path, as_json: bool) -> None:
    """Restore the backup in DIRECTORY into an empty home."""
    settings = Settings.load()
    stop_in_order()
    with _blobs(settings) as blobs, progress_bar("Restoring", as_json) as on_progress:
        restored = restore_backup(directory, settings.database_url, blobs, settings.keys, on_progress)
    prepare_home(settings)
    has_keys = settings.keys.exists()
    result = {
        "home": str(settings.home),
        "counts": restored.counts,
        "num_blobs": restored.num_blobs,
        "has_keys": has_keys,
    }
    sentence = (
        f"{restored.num_blobs} blobs and the database are in {settings.home}. `perennial up` serves them."
    )
    if not has_keys:
        sentence += (
            "\nWarning: there are no keys, so whoever is on this machine may do everything, and nobody else "
            "may ask. `perennial keys add NAME` makes one."
        )
    print_result(result, as_json=as_json, show=lambda console: console.print(sentence))


@contextmanager
def _blobs(settings: Settings) -> Iterator[BlobStore]:
    blobs = BlobStore(settings.blobs)
    try:
        yield blobs
    finally:
        blobs.close()
