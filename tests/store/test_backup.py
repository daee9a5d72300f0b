import fcntl
import hashlib
import json
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from service.keys import add_key, read_keys
from store import backup, registry
from store.alarms import AlarmImage
from store.blobs.blob_store import BlobStore
from store.database.database import Database, now
from store.database.schema import samples
from store.errors import (
    BackupToolError,
    CorruptBackupError,
    DatabaseDamagedError,
    DatabaseUnavailableError,
    TargetNotEmptyError,
)
from store.evidence.questions import TRIAL, ask
from store.versions import NewVersion, add_version, read_versions
from tests.store.alarm_work import raised


class Home:
    """A home with a version in production and three samples, or an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'perennial.db'}"
        self.blobs = BlobStore(str(folder / "blobs"))
        self.keys = folder / "keys.json"

    def back_up(self, target: Path) -> backup.Backup:
        return backup.back_up(self.url, self.blobs, self.keys, target)

    def restore(self, source: Path) -> backup.Backup:
        return backup.restore(source, self.url, self.blobs, self.keys)

    def contents(self) -> dict[str, Any]:
        database = Database(self.url)
        try:
            with database.read() as connection:
                champion = registry.production(connection)
                rows = connection.execute(samples.select().order_by(samples.c.id)).all()
                versions = read_versions(connection)
        finally:
            database.close()
        return {
            "production": champion,
            "versions": versions,
            "samples": rows,
            "images": [self.blobs.get(row.sha256) for row in rows],
        }


@pytest.fixture
def home(database: Database, tmp_path: Path) -> Home:
    filled = Home(tmp_path)
    shas = [filled.blobs.put(f"image {number}".encode()) for number in range(3)]
    weights = filled.blobs.put(b"weights")

    def fill(connection: Connection) -> None:
        for sha256 in shas:
            row = {"sha256": sha256, "phash": 1, "origin": "direct", "split": "train", "label": "ants"}
            row |= {"state": "accepted", "source": "ada", "created": now(connection)}
            connection.execute(insert(samples).values(**row))
        version = add_version(connection, NewVersion(("ants", "bees"), {"weights": weights}), [])
        registry.promote(connection, version.version, reason="first", actor="test")

    database.write(fill)
    return filled


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    return Home(tmp_path / "elsewhere")


def test_a_backup_of_an_open_database_restores_into_an_empty_home(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    manifest = home.back_up(tmp_path / "backup")
    assert (manifest.num_blobs, manifest.missing) == (4, [])
    assert manifest.counts["samples"] == 3
    assert empty.restore(tmp_path / "backup") == manifest
    assert empty.contents() == home.contents()


def test_rows_of_an_unfinished_write_are_in_no_backup(
    database: Database, home: Home, empty: Home, tmp_path: Path
) -> None:
    before = home.contents()

    def back_up_in_the_middle(connection: Connection) -> None:
        connection.execute(samples.delete())
        home.back_up(tmp_path / "backup")

    database.write(back_up_in_the_middle)
    empty.restore(tmp_path / "backup")
    assert empty.contents() == before


def test_images_of_open_questions_and_alarms_are_in_a_backup_though_their_predictions_expired(
    database: Database, home: Home, tmp_path: Path
) -> None:
    asked, night, day = (home.blobs.put(name.encode()) for name in ("asked", "night", "day"))
    database.write(lambda c: ask(c, [asked], TRIAL))
    raised(database, images=[AlarmImage(night, "a prediction", day)])
    manifest = home.back_up(tmp_path / "backup")
    assert (manifest.num_blobs, manifest.missing) == (7, [])


def test_blobs_that_no_row_names_are_left_out(home: Home, tmp_path: Path) -> None:
    home.blobs.put(b"nobody's")
    assert home.back_up(tmp_path / "backup").num_blobs == 4


def test_a_blob_that_went_while_the_backup_ran_is_listed_and_the_rest_is_kept(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    deleted = home.blobs.put(b"image 0")
    home.blobs.delete(deleted)
    manifest = home.back_up(tmp_path / "backup")
    assert (manifest.num_blobs, manifest.missing) == (3, [deleted])
    assert empty.restore(tmp_path / "backup").missing == [deleted]


def test_a_backup_reports_its_progress(home: Home, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    target = tmp_path / "backup"
    backup.back_up(home.url, home.blobs, home.keys, target, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_backup_is_readable_by_its_owner_only(home: Home, tmp_path: Path) -> None:
    home.back_up(tmp_path / "backup")
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700


def test_a_backup_writes_over_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    home.back_up(tmp_path / "backup")
    with pytest.raises(TargetNotEmptyError, match="another folder"):
        home.back_up(tmp_path / "backup")


def test_a_backup_that_fails_leaves_no_folder_behind(empty: Home, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="PERENNIAL_HOME"):
        empty.back_up(tmp_path / "backups" / "monday")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_restore_into_a_home_with_a_database_is_refused(home: Home, tmp_path: Path) -> None:
    home.back_up(tmp_path / "backup")
    with pytest.raises(TargetNotEmptyError, match="PERENNIAL_HOME"):
        home.restore(tmp_path / "backup")


def test_a_restore_over_other_blobs_is_refused(home: Home, empty: Home, tmp_path: Path) -> None:
    home.back_up(tmp_path / "backup")
    empty.blobs.put(b"someone else's")
    with pytest.raises(TargetNotEmptyError, match="1 blob"):
        empty.restore(tmp_path / "backup")


def test_a_restore_that_was_cut_off_can_be_run_again(home: Home, empty: Home, tmp_path: Path) -> None:
    home.back_up(tmp_path / "backup")
    empty.blobs.put(b"image 1")
    empty.restore(tmp_path / "backup")
    assert empty.contents() == home.contents()


def change_one_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("what", ["blobs/*/*", "perennial.db"])
def test_a_backup_with_a_changed_byte_is_not_restored(
    home: Home, empty: Home, tmp_path: Path, what: str
) -> None:
    home.back_up(tmp_path / "backup")
    change_one_byte(next((tmp_path / "backup").glob(what)))
    with pytest.raises(CorruptBackupError, match="earlier backup"):
        empty.restore(tmp_path / "backup")
    assert not (empty.folder / "perennial.db").exists()


def test_a_backup_with_a_lost_blob_is_not_restored(home: Home, empty: Home, tmp_path: Path) -> None:
    home.back_up(tmp_path / "backup")
    lost = next((tmp_path / "backup").glob("blobs/*/*"))
    lost.unlink()
    with pytest.raises(CorruptBackupError, match=f"found 3. Missing: {lost.name}. Use an earlier"):
        empty.restore(tmp_path / "backup")


def test_a_lost_blob_is_noticed_beside_one_that_is_not_of_the_backup(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    home.back_up(tmp_path / "backup")
    lost = next((tmp_path / "backup").glob("blobs/*/*"))
    lost.unlink()
    (lost.parent / f"{lost.name[:2]}{'0' * 62}").write_bytes(b"x")
    with pytest.raises(CorruptBackupError, match=f"found 3. Missing: {lost.name}"):
        empty.restore(tmp_path / "backup")


@pytest.mark.parametrize("has_names", [True, False], ids=["this release's", "an earlier release's"])
def test_what_file_servers_and_desktops_leave_beside_blobs_is_passed_over(
    home: Home, empty: Home, tmp_path: Path, has_names: bool
) -> None:
    manifest = home.back_up(tmp_path / "backup")
    if not has_names:
        (tmp_path / "backup" / "blobs.txt").unlink()
    blob = next((tmp_path / "backup").glob("blobs/*/*"))
    for file in (".DS_Store", "Thumbs.db", f"._{blob.name}", f"{blob.name}.tmp", f"{'0' * 62}"):
        (blob.parent / file).write_bytes(b"x")
    # A blob's name, but no blob; and a blob in another one's folder.
    (blob.parent / f"{blob.name[:2]}{'0' * 62}").mkdir()
    for folder in (blob.parent / "@eaDir", blob.parents[1] / "@eaDir", blob.parents[1] / "zz"):
        folder.mkdir()
        (folder / blob.name).write_bytes(b"x")
    assert empty.restore(tmp_path / "backup") == manifest
    assert empty.contents() == home.contents()


@pytest.mark.parametrize("names", [b"", b"\xff", b"0\n0\n0\n0\n"])
def test_a_damaged_list_of_names_is_noticed(home: Home, empty: Home, tmp_path: Path, names: bytes) -> None:
    home.back_up(tmp_path / "backup")
    (tmp_path / "backup" / "blobs.txt").write_bytes(names)
    with pytest.raises(CorruptBackupError, match="found 0"):
        empty.restore(tmp_path / "backup")


@pytest.mark.parametrize("exists", [True, False])
def test_a_backup_onto_a_link_fills_the_folder_that_it_leads_to(
    home: Home, empty: Home, tmp_path: Path, exists: bool
) -> None:
    disk = tmp_path / "disk"
    if exists:
        disk.mkdir()
    (tmp_path / "link").symlink_to("disk")
    manifest = home.back_up(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert empty.restore(disk) == manifest


def test_a_place_that_no_folder_can_take_is_refused_before_anything_is_copied(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(TargetNotEmptyError, match="a link in a circle"):
        home.back_up(tmp_path / "a")
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "disk")
    monkeypatch.setattr(backup, "_copy_blobs", None)
    with pytest.raises(TargetNotEmptyError, match="one inside it"):
        home.back_up(tmp_path / "disk")


@pytest.mark.parametrize("manifest", [None, "", "{}", "[]"])
def test_a_folder_that_is_no_backup_is_refused(
    home: Home, empty: Home, tmp_path: Path, manifest: str | None
) -> None:
    folder = tmp_path / "backup"
    home.back_up(folder)
    (folder / "manifest.json").unlink()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    with pytest.raises(CorruptBackupError, match="perennial backup"):
        empty.restore(folder)


@pytest.mark.parametrize("changed", [{"format": 2}, {"database": "../perennial.db"}])
def test_a_manifest_of_another_format_or_that_leads_out_of_the_folder_is_refused(
    home: Home, empty: Home, tmp_path: Path, changed: dict[str, Any]
) -> None:
    home.back_up(tmp_path / "backup")
    file = tmp_path / "backup" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    with pytest.raises(CorruptBackupError, match="format"):
        empty.restore(tmp_path / "backup")


def test_a_backup_of_the_other_kind_of_database_is_refused_before_anything_is_written(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    home.back_up(folder)
    (folder / "perennial.db").rename(folder / "perennial.pgdump")
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"database": "perennial.pgdump"}))
    with pytest.raises(BackupToolError, match="same kind"):
        empty.restore(folder)
    assert list(empty.blobs.names()) == []


def test_the_hashed_keys_come_back_for_their_owner_alone(home: Home, empty: Home, tmp_path: Path) -> None:
    secret = add_key(home.keys, "camera", ["predict"])
    manifest = home.back_up(tmp_path / "backup")
    assert secret not in (tmp_path / "backup" / "keys.json").read_text()
    assert empty.restore(tmp_path / "backup") == manifest
    assert read_keys(empty.keys) == read_keys(home.keys)
    assert stat.S_IMODE(empty.keys.stat().st_mode) == 0o600


def test_a_backup_of_an_earlier_release_has_no_keys_and_restores(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    home.back_up(tmp_path / "backup")
    file = tmp_path / "backup" / "manifest.json"
    manifest = json.loads(file.read_text())
    assert manifest.pop("keys_sha256") is None
    file.write_text(json.dumps(manifest))
    empty.restore(tmp_path / "backup")
    assert not empty.keys.exists()


def test_other_keys_are_written_over_by_no_restore(home: Home, empty: Home, tmp_path: Path) -> None:
    add_key(home.keys, "camera", ["predict"])
    home.back_up(tmp_path / "backup")
    add_key(empty.keys, "other", ["predict"])
    with pytest.raises(TargetNotEmptyError, match="found others"):
        empty.restore(tmp_path / "backup")
    assert [key.name for key in read_keys(empty.keys)] == ["other"]
    assert not (empty.folder / "perennial.db").exists()


def test_changed_keys_of_a_backup_are_not_restored(home: Home, empty: Home, tmp_path: Path) -> None:
    add_key(home.keys, "camera", ["predict"])
    home.back_up(tmp_path / "backup")
    (tmp_path / "backup" / "keys.json").write_text("[]")
    with pytest.raises(CorruptBackupError, match="keys"):
        empty.restore(tmp_path / "backup")


def damage_the_database(file: Path) -> None:
    """Overwrite a page of rows, as a failing disk does; SQLite opens the file as ever."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'samples'").fetchone()
    connection.close()
    content = bytearray(file.read_bytes())
    content[(root - 1) * page_size + 8 : root * page_size] = b"\xff" * (page_size - 8)
    file.write_bytes(bytes(content))


def test_a_damaged_database_is_not_backed_up(database: Database, home: Home, tmp_path: Path) -> None:
    database.close()
    damage_the_database(home.folder / "perennial.db")
    with pytest.raises(DatabaseDamagedError, match="earlier backup"):
        home.back_up(tmp_path / "backups" / "monday")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_database_that_was_damaged_when_it_was_backed_up_is_not_restored(
    home: Home, empty: Home, tmp_path: Path
) -> None:
    home.back_up(tmp_path / "backup")
    copy = tmp_path / "backup" / "perennial.db"
    damage_the_database(copy)
    # An earlier release wrote the hash of what it found.
    file = tmp_path / "backup" / "manifest.json"
    found = {"database_sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}
    file.write_text(json.dumps(json.loads(file.read_text()) | found))
    with pytest.raises(CorruptBackupError, match="damaged when it was backed up"):
        empty.restore(tmp_path / "backup")
    assert list(empty.blobs.names()) == []


def test_a_backup_removes_what_a_killed_one_left_and_nothing_of_one_that_runs(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    killed, running = (folder / f".perennial-backup-{name}" for name in ("killed", "running"))
    for scratch in (killed, running):
        (scratch / "backup").mkdir(parents=True)
    lock = os.open(running, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    home.back_up(folder / "monday")
    os.close(lock)
    assert sorted(path.name for path in folder.iterdir()) == [running.name, "monday"]
