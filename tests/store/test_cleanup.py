import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from store import cleanup
from store.blobs.blob_store import BlobStore
from store.database.database import Database, now
from store.database.schema import samples
from store.predictions import predictions
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.predictions.retention import RetentionSettings
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version

OLD_SECONDS = 2 * 24 * 3600.0


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def age(files: Path, sha256: str, seconds: float = OLD_SECONDS) -> None:
    """Make a blob's file as old as if it had been put so many seconds earlier."""
    [file] = [
        path for path in files.rglob("*") if path.is_file() and sha256 in path.as_posix().replace("/", "")
    ]
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


def names(blobs: BlobStore) -> set[str]:
    return {sha256 for sha256, _ in blobs.names()}


def sample_row(sha256: str) -> dict[str, object]:
    decided = {"origin": "direct", "split": "train", "state": "accepted"}
    return {"sha256": sha256, "phash": 1, "source": "ada", "label": "ants", **decided}


def add_sample(database: Database, sha256: str) -> None:
    database.write(lambda c: c.execute(insert(samples).values(**sample_row(sha256), created=now(c))))


def log_prediction(database: Database, sha256: str, days_old: float) -> str:
    def work(connection: Connection) -> str:
        created = now(connection) - timedelta(days=days_old)
        row = LoggedPrediction(
            id=new_prediction_id(created),
            sha256=sha256,
            num_bytes=10,
            label="ants",
            confidence=0.5,
            version="v1",
            embedding=b"",
            group=None,
            source="ada",
            created=created,
        )
        predictions.log_predictions(connection, [row], SplitSettings())
        return row.id

    return database.write(work)


def test_an_old_blob_that_no_row_names_is_collected(
    database: Database, blobs: BlobStore, files: Path
) -> None:
    sha256 = blobs.put(b"left by a crash")
    age(files, sha256)
    assert cleanup.collect_blobs(database, blobs) == [sha256]
    assert names(blobs) == set()


def test_a_fresh_blob_is_left_for_the_row_that_may_be_on_its_way(
    database: Database, blobs: BlobStore
) -> None:
    sha256 = blobs.put(b"just put")
    assert cleanup.collect_blobs(database, blobs) == []
    assert names(blobs) == {sha256}


def test_an_old_blob_that_was_put_again_is_fresh(database: Database, blobs: BlobStore, files: Path) -> None:
    sha256 = blobs.put(b"seen before")
    age(files, sha256)
    blobs.put(b"seen before")
    assert cleanup.collect_blobs(database, blobs) == []
    assert names(blobs) == {sha256}


class SentAgainWhileListed(BlobStore):
    """A store in which a client puts the same bytes again just after they were listed as old."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        for sha256, modified in list(super().names()):
            self.put(self.get(sha256))
            yield sha256, modified


def test_a_blob_that_is_put_again_while_the_collection_runs_is_kept(
    database: Database, blobs: BlobStore, files: Path
) -> None:
    sha256 = blobs.put(b"seen before")
    age(files, sha256)
    assert cleanup.collect_blobs(database, SentAgainWhileListed(str(files))) == []
    assert names(blobs) == {sha256}


def test_a_blob_that_a_sample_a_prediction_or_a_version_names_is_kept(
    database: Database, blobs: BlobStore, files: Path
) -> None:
    kept = [blobs.put(content) for content in (b"sample", b"prediction", b"weights")]
    add_sample(database, kept[0])
    log_prediction(database, kept[1], days_old=1)
    new = NewVersion(("ants",), {"weights.safetensors": kept[2]})
    database.write(lambda c: add_version(c, new, []))
    for sha256 in kept:
        age(files, sha256)
    assert cleanup.collect_blobs(database, blobs) == []
    assert names(blobs) == set(kept)


def test_bytes_go_at_once_after_a_deletion_by_hand_however_fresh(
    database: Database, blobs: BlobStore
) -> None:
    sha256 = blobs.put(b"an image")
    prediction_id = log_prediction(database, sha256, days_old=0)
    deleted = database.write(lambda c: predictions.delete_prediction(c, prediction_id))
    assert cleanup.delete_blobs(database, blobs, deleted.blobs_to_delete) == [sha256]
    assert names(blobs) == set()


def test_bytes_that_a_row_began_to_name_after_the_deletion_stay(database: Database, blobs: BlobStore) -> None:
    sha256 = blobs.put(b"an image")
    add_sample(database, sha256)
    assert cleanup.delete_blobs(database, blobs, [sha256]) == []
    assert names(blobs) == {sha256}


def test_a_row_never_lacks_the_bytes_that_a_deletion_took_between_their_put_and_its_write(
    database: Database, blobs: BlobStore
) -> None:
    sha256 = blobs.put(b"an image")
    prediction_id = log_prediction(database, sha256, days_old=0)
    deleted = database.write(lambda c: predictions.delete_prediction(c, prediction_id))
    assert blobs.put(b"an image") == sha256
    assert cleanup.delete_blobs(database, blobs, deleted.blobs_to_delete) == [sha256]

    def name_again(connection: Connection) -> None:
        blobs.ensure({sha256: b"an image"})
        connection.execute(insert(samples).values(**sample_row(sha256), created=now(connection)))

    database.write(name_again)
    assert blobs.get(sha256) == b"an image"


def test_the_collection_takes_what_a_killed_put_left(
    database: Database, blobs: BlobStore, files: Path
) -> None:
    sha256 = blobs.put(b"an image")
    leftover = files / sha256[:2] / f"{'0' * 64}#1"
    leftover.write_bytes(b"half an im")
    age(files, leftover.name)
    cleanup.collect_blobs(database, blobs)
    assert not leftover.exists()


def test_deleting_bytes_that_have_gone_already_is_no_error(database: Database, blobs: BlobStore) -> None:
    sha256 = blobs.put(b"an image")
    cleanup.delete_blobs(database, blobs, [sha256])
    cleanup.delete_blobs(database, blobs, [sha256])
    assert names(blobs) == set()


def test_expiring_takes_every_batch_with_its_bytes(database: Database, blobs: BlobStore, files: Path) -> None:
    old = [blobs.put(content) for content in (b"1", b"2", b"3")]
    young = blobs.put(b"4")
    for sha256 in old:
        log_prediction(database, sha256, days_old=31)
        age(files, sha256)
    log_prediction(database, young, days_old=1)
    assert cleanup.expire(database, blobs, RetentionSettings(), batch=2) == 3
    assert names(blobs) == {young}


def test_expired_bytes_that_someone_just_sent_again_are_left(database: Database, blobs: BlobStore) -> None:
    sha256 = blobs.put(b"sent again a moment ago")
    log_prediction(database, sha256, days_old=31)
    assert cleanup.expire(database, blobs, RetentionSettings()) == 1
    assert names(blobs) == {sha256}
