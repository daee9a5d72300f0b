"""Backs up a running server and restores the backup: the database, every blob that it names, the keys."""

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.blobs.blob_store import BlobStore
from store.database import database_copy
from store.durable import make_folder, sync_file, sync_folder, write_file
from store.errors import BlobMissingError, CorruptBackupError, TargetNotEmptyError

_MANIFEST = "manifest.json"
_BLOBS = "blobs"
_NAMES = "blobs.txt"
_KEYS = "keys.json"
_SCRATCH = ".perennial-backup-"
_FORMAT = 1
_NUM_THREADS = 16
_SHA256 = re.compile("[0-9a-f]{64}")
_NUM_NAMED = 5

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds.

    Attributes:
        missing: Blobs that the database names and the store lacks.
        keys_sha256: Of the file of hashed keys; None if there was none, or an earlier release backed up.
    """

    format: int
    created: str
    database: str
    database_sha256: str
    counts: dict[str, int]
    num_blobs: int
    num_bytes: int
    missing: list[str]
    keys_sha256: str | None = None


def back_up(
    database_url: str,
    blobs: BlobStore,
    keys_file: Path,
    target: Path,
    on_progress: Progress | None = None,
) -> Backup:
    """Copy everything into the new folder `target` while the server runs.

    The database is copied as of one moment, then the blobs that this copy names. Rows that are written
    later are left out together with their bytes. Blobs that are deleted while the copy runs are listed as
    missing. The folder gets its name only when it is complete.

    Args:
        database_url: The database.
        blobs: The blob store.
        keys_file: The file of hashed keys; it may be missing.
        target: A folder that doesn't exist yet, or is empty; or a link to one.
        on_progress: Called with (blobs copied, blobs in all).

    Raises:
        TargetNotEmptyError: There is something in `target`, or it is a place that no folder can take.
        BackupToolError: PostgreSQL's pg_dump is missing or failed.
        DatabaseUnavailableError: The database can't be read, or the disk is full.
        DatabaseDamagedError: The database is damaged.
    """
    # A folder can replace another one, but not a link.
    target = Path(os.path.realpath(target))
    _refuse_taken_place(target)
    make_folder(target.parent)
    with _scratch_folder(target.parent) as partial:
        copy = database_copy.copy_database(database_url, partial)
        names = sorted(copy.blob_names)
        num_bytes, missing = _copy_blobs(blobs, names, partial / _BLOBS, on_progress)
        _write_names(partial / _NAMES, names, missing)
        backup = Backup(
            format=_FORMAT,
            created=datetime.now(UTC).isoformat(),
            database=copy.file.name,
            database_sha256=_sha256_of(copy.file),
            counts=copy.counts,
            num_blobs=len(names) - len(missing),
            num_bytes=num_bytes,
            missing=missing,
            keys_sha256=_copy_keys(keys_file, partial / _KEYS),
        )
        write_file(partial / _MANIFEST, json.dumps(asdict(backup), indent=2).encode())
        sync_file(copy.file)
        sync_folder(partial)
        # This replaces an empty folder of that name.
        os.replace(partial, target)
    sync_folder(target.parent)
    log.info("backed up %d blobs, %d bytes, %d missing", backup.num_blobs, num_bytes, len(missing))
    return backup


def restore(
    source: Path,
    database_url: str,
    blobs: BlobStore,
    keys_file: Path,
    on_progress: Progress | None = None,
) -> Backup:
    """Restore a backup into an empty home, verifying every byte.

    Blobs are restored first and the database last, so a restore that was cut off can simply be run again.
    An earlier backup has no keys: then those that are there stay.

    Raises:
        CorruptBackupError: `source` is no complete backup, a byte of it differs from what was written, or its
            database was damaged already.
        TargetNotEmptyError: There is a database already, or blobs or keys that are not the backup's.
        BackupToolError: It is of another kind of database, or PostgreSQL's pg_restore is missing or failed.
    """
    backup = read_manifest(source)
    database_copy.refuse_other_kind(source / backup.database, database_url)
    if not database_copy.is_empty(database_url):
        raise TargetNotEmptyError(
            "Expected an empty home to restore into, found a database. Name a new "
            "PERENNIAL_HOME, or move the present one away, then restore again."
        )
    files = _wanted_files(source, backup)
    foreign = [sha256 for sha256, _ in blobs.names() if sha256 not in files]
    if foreign:
        raise TargetNotEmptyError(
            f"Expected an empty blob store to restore into, found {len(foreign)} blobs that are not "
            "of this backup. Name a new PERENNIAL_HOME, or move the present one away, then restore again."
        )
    _verify(source, backup, files)
    _restore_keys(source / _KEYS, backup.keys_sha256, keys_file)
    for num_done, (sha256, file) in enumerate(files.items(), start=1):
        if blobs.put(file.read_bytes()) != sha256:
            raise CorruptBackupError(f"Blob {sha256} of the backup is damaged. Use an earlier backup.")
        if on_progress is not None:
            on_progress(num_done, len(files))
    database_copy.restore_database(source / backup.database, database_url)
    return backup


def read_manifest(source: Path) -> Backup:
    """Return what the backup in `source` says it holds.

    Raises:
        CorruptBackupError: There is no backup, or it is of another release's format.
    """
    try:
        content: dict[str, Any] = json.loads((source / _MANIFEST).read_bytes())
        backup = Backup(**content)
    except (OSError, ValueError, TypeError) as error:
        raise CorruptBackupError(
            f"Expected a backup with a readable {_MANIFEST} in {source}, found none ({error}). "
            "Name the folder that `perennial backup` made."
        ) from error
    if backup.format != _FORMAT or Path(backup.database).name != backup.database:
        raise CorruptBackupError(
            f"Expected a backup of format {_FORMAT}, found {backup.format}. "
            "Restore it with the release that made it."
        )
    return backup


def _refuse_taken_place(target: Path) -> None:
    # Looked at before anything is copied. A resolved path that is a link leads round in a circle.
    if target.is_symlink() or os.path.ismount(target):
        raise TargetNotEmptyError(
            f"Expected a new or empty folder to back up into, found a mount point or a link in a circle at "
            f"{target}. Name a new folder, such as one inside it."
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetNotEmptyError(
            f"Expected a new or empty folder to back up into, found something at {target}. "
            "Name another folder."
        )


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield an empty folder in `parent`, and remove what is left of it; also what killed backups left."""
    for left in parent.glob(f"{_SCRATCH}*"):
        with _locked(left) as is_ours:
            if is_ours:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=_SCRATCH) as scratch, _locked(Path(scratch)):
        partial = Path(scratch) / "backup"
        partial.mkdir(mode=0o700)
        yield partial


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, which ends with its process; yield False if another process has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _copy_keys(file: Path, copy: Path) -> str | None:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    write_file(copy, content, mode=0o600)
    return hashlib.sha256(content).hexdigest()


def _restore_keys(copy: Path, sha256: str | None, file: Path) -> None:
    if sha256 is None:
        return
    if not copy.is_file() or _sha256_of(copy) != sha256:
        raise CorruptBackupError(f"Expected the keys of the backup in {copy}, found others or none.")
    if file.exists() and _sha256_of(file) != sha256:
        raise TargetNotEmptyError(
            f"Expected no keys to restore those of the backup, found others in {file}. Move that file away, "
            "then restore again."
        )
    make_folder(file.parent)
    write_file(file, copy.read_bytes(), mode=0o600)
    sync_folder(file.parent)


def _copy_blobs(
    blobs: BlobStore, names: list[str], folder: Path, on_progress: Progress | None
) -> tuple[int, list[str]]:
    folders = sorted({folder / sha256[:2] for sha256 in names})
    for subfolder in folders:
        make_folder(subfolder)

    def copy(sha256: str) -> int | None:
        try:
            content = blobs.get(sha256)
        except BlobMissingError:
            # Deleted since the database was copied, or lost: either way the rest is worth keeping.
            log.warning("blob %s is named by the database and missing", sha256)
            return None
        write_file(folder / sha256[:2] / sha256, content)
        return len(content)

    num_bytes = 0
    missing: list[str] = []
    # One by one, each would wait for the disk.
    with ThreadPoolExecutor(_NUM_THREADS) as pool:
        for num_done, (sha256, size) in enumerate(zip(names, pool.map(copy, names), strict=True), start=1):
            if size is None:
                missing.append(sha256)
            else:
                num_bytes += size
            if on_progress is not None:
                on_progress(num_done, len(names))
    for subfolder in folders:
        sync_folder(subfolder)
    return num_bytes, missing


def _write_names(file: Path, names: list[str], missing: list[str]) -> None:
    copied = sorted(set(names) - set(missing))
    write_file(file, "".join(f"{sha256}\n" for sha256 in copied).encode())


def _wanted_files(source: Path, backup: Backup) -> dict[str, Path]:
    """Return the blobs of a backup, SHA-256 to file, without what file servers and desktops left there."""
    files = {
        file.name: file
        for file in sorted((source / _BLOBS).glob("??/*"))
        if _SHA256.fullmatch(file.name) and file.parent.name == file.name[:2] and file.is_file()
    }
    names = _read_names(source / _NAMES)
    # An earlier release wrote how many there are, but not their names.
    lost = [] if names is None else [sha256 for sha256 in names if sha256 not in files]
    wanted = files if names is None else {sha256: files[sha256] for sha256 in names if sha256 in files}
    if len(wanted) != backup.num_blobs:
        more = f" and {len(lost) - _NUM_NAMED} more" if len(lost) > _NUM_NAMED else ""
        named = f" Missing: {', '.join(lost[:_NUM_NAMED])}{more}." if lost else ""
        raise CorruptBackupError(
            f"Expected {backup.num_blobs} blobs in the backup, found {len(wanted)}.{named} "
            "Use an earlier backup."
        )
    return wanted


def _read_names(file: Path) -> list[str] | None:
    try:
        return file.read_bytes().decode("latin-1").split()
    except FileNotFoundError:
        return None


def _verify(source: Path, backup: Backup, files: dict[str, Path]) -> None:
    database = source / backup.database
    if not database.is_file() or _sha256_of(database) != backup.database_sha256:
        raise CorruptBackupError(
            f"Expected the database whose SHA-256 is {backup.database_sha256} in {database}, "
            "found another or none. Use an earlier backup."
        )
    damage = database_copy.damage_of(database) if database.suffix == ".db" else None
    if damage is not None:
        raise CorruptBackupError(
            f"Expected a sound database in {database}, found one that was damaged when it was backed up "
            f"({damage}). Use an earlier backup."
        )
    for sha256, file in files.items():
        if _sha256_of(file) != sha256:
            raise CorruptBackupError(f"Blob {sha256} of the backup is damaged. Use an earlier backup.")


def _sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
