"""`backup` and `restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from perennial.cli.audience import answer, json_option, progress
from perennial.settings import Settings
from store.backup import back_up
from store.backup import restore as bring_back
from store.blobs import BlobStore
from store.database import migrate


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@json_option
def backup(directory: Path | None, as_json: bool) -> None:
    """Copy the state into DIRECTORY, while the server runs.

    By default that is a new folder in the home's backups.
    """
    settings = Settings.load()
    target = directory or settings.home / "backups" / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    with _blobs(settings) as blobs, progress("Copying", as_json) as on_progress:
        made = back_up(settings.database_url, blobs, target, on_progress)
    result = {
        "directory": str(target),
        "counts": made.counts,
        "num_blobs": made.num_blobs,
        "num_bytes": made.num_bytes,
        "missing": made.missing,
    }
    told = f"{made.num_blobs} blobs and the database are in {target}."
    if made.missing:
        told += f" {len(made.missing)} blobs are missing: deleted meanwhile, or lost."
    answer(result, as_json=as_json, told=lambda console: console.print(told))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
def restore(directory: Path, as_json: bool) -> None:
    """Bring the backup in DIRECTORY back into an empty home."""
    settings = Settings.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    with _blobs(settings) as blobs, progress("Restoring", as_json) as on_progress:
        found = bring_back(directory, settings.database_url, blobs, on_progress)
    migrate(settings.database_url)
    result = {"home": str(settings.home), "counts": found.counts, "num_blobs": found.num_blobs}
    told = f"{found.num_blobs} blobs and the database are in {settings.home}. `perennial up` serves them."
    answer(result, as_json=as_json, told=lambda console: console.print(told))


@contextmanager
def _blobs(settings: Settings) -> Iterator[BlobStore]:
    blobs = BlobStore(settings.blobs)
    try:
        yield blobs
    finally:
        blobs.close()
