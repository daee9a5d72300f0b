"""Many blobs that are put at once outlive the process, and after a flush also the machine."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.blobs.blob_store import BlobStore
from store.errors import BlobMissingError, BlobsUnavailableError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return BlobStore(str(folder))


def file_of(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def named(*contents: bytes) -> dict[str, bytes]:
    return {hashlib.sha256(content).hexdigest(): content for content in contents}


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_many_are_put_at_once_and_flushed_by_name(kind: str, folder: Path) -> None:
    blobs = BlobStore(str(folder) if kind == "folder" else "memory://")
    contents = named(b"one", b"another")
    asyncio.run(blobs.put_many(contents))
    for sha256, content in contents.items():
        blobs.flush(sha256)
        assert blobs.get(sha256) == content


def test_a_flush_of_missing_bytes_is_reported_with_its_remedy(blobs: BlobStore) -> None:
    asyncio.run(blobs.put_many(named(b"one")))
    with pytest.raises(BlobMissingError, match="send the image again"):
        blobs.flush("0" * 64)


def test_of_many_at_once_known_ones_become_young_again(blobs: BlobStore, folder: Path) -> None:
    contents = named(b"known", b"new")
    known = file_of(folder, blobs.put(b"known"))
    then = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(known, (then, then))
    asyncio.run(blobs.put_many(contents))
    assert {sha256: blobs.get(sha256) for sha256 in contents} == contents
    assert known.stat().st_mtime > (datetime.now(UTC) - timedelta(hours=1)).timestamp()


def test_many_that_the_disk_refuses_are_reported_with_their_remedy(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("no folder")
    with pytest.raises(BlobsUnavailableError, match="Check it, then retry"):
        asyncio.run(BlobStore(str(tmp_path / "blobs")).put_many(named(b"one")))


def test_what_a_failed_machine_lost_is_no_survivor(blobs: BlobStore, folder: Path) -> None:
    contents = named(b"kept", b"cut off", b"empty", b"gone")
    asyncio.run(blobs.put_many(contents))
    kept, cut_off, empty, deleted = contents
    file_of(folder, cut_off).write_bytes(b"cut")
    file_of(folder, empty).write_bytes(b"")
    blobs.delete(deleted)
    assert blobs.survivors({name: len(content) for name, content in contents.items()}) == [kept]


def test_a_bucket_loses_nothing_with_a_machine() -> None:
    assert BlobStore("memory://").survivors({"a" * 64: 3}) == ["a" * 64]


def test_only_a_flush_flushes_what_is_put_many_at_once(
    blobs: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs.put(b"the folders are there")
    flushed: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr("store.durable.os.fsync", noted)
    contents = named(b"an image")
    asyncio.run(blobs.put_many(contents))
    assert flushed == []
    (sha256,) = contents
    blobs.flush(sha256)
    file = file_of(folder, sha256)
    assert flushed == [str(file), str(file.parent)]
