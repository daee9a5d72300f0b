import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from store import durable
from store.blobs.blob_store import BlobStore
from store.errors import BlobMissingError, BlobsUnavailableError, CorruptBlobError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "blobs"


@pytest.fixture
def blobs(folder: Path) -> BlobStore:
    return BlobStore(str(folder))


def file_of(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def age(file: Path, by: timedelta) -> None:
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(file, (then, then))


@pytest.mark.parametrize("kind", ["folder", "file url", "memory"])
def test_bytes_come_back_by_their_sha256(kind: str, folder: Path) -> None:
    urls = {"folder": str(folder), "file url": f"file://{folder}", "memory": "memory://"}
    blobs = BlobStore(urls[kind])
    sha256 = blobs.put(b"an image")
    assert sha256 == hashlib.sha256(b"an image").hexdigest()
    assert blobs.get(sha256) == b"an image"
    assert blobs.exists(sha256)
    assert [name for name, _ in blobs.names()] == [sha256]
    assert blobs.delete(sha256)
    assert not blobs.exists(sha256)
    assert not blobs.delete(sha256)


def test_the_same_bytes_are_kept_once(blobs: BlobStore, folder: Path) -> None:
    assert blobs.put(b"twice") == blobs.put(b"twice")
    assert len([file for file in folder.rglob("*") if file.is_file()]) == 1


def test_a_store_that_nobody_put_into_is_empty_and_makes_no_folder(blobs: BlobStore, folder: Path) -> None:
    assert list(blobs.names()) == []
    assert not blobs.exists("0" * 64)
    with pytest.raises(BlobMissingError):
        blobs.get("0" * 64)
    assert not folder.exists()


def test_missing_bytes_are_reported_with_their_remedy(blobs: BlobStore) -> None:
    blobs.put(b"another")
    with pytest.raises(BlobMissingError, match="Restore them from a backup"):
        blobs.get("0" * 64)


def test_damaged_bytes_are_never_returned(blobs: BlobStore, folder: Path) -> None:
    sha256 = blobs.put(b"an image")
    file_of(folder, sha256).write_bytes(b"an imagf")
    with pytest.raises(CorruptBlobError, match="damaged"):
        blobs.get(sha256)


def test_bytes_that_a_crash_left_half_written_are_put_anew(blobs: BlobStore, folder: Path) -> None:
    sha256 = blobs.put(b"an image")
    file_of(folder, sha256).write_bytes(b"")
    blobs.put(b"an image")
    assert blobs.get(sha256) == b"an image"


def test_what_a_killed_put_left_behind_is_no_blob(blobs: BlobStore, folder: Path) -> None:
    sha256 = blobs.put(b"an image")
    file_of(folder, sha256).with_name(f"{'0' * 64}#1").write_bytes(b"half")
    assert [name for name, _ in blobs.names()] == [sha256]


def test_a_second_put_makes_bytes_young_again(blobs: BlobStore, folder: Path) -> None:
    sha256 = blobs.put(b"an image")
    age(file_of(folder, sha256), timedelta(days=3))
    blobs.put(b"an image")
    ((_, modified),) = blobs.names()
    assert datetime.now(UTC) - modified < timedelta(minutes=1)


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_only_old_bytes_are_deleted_if_so_requested(kind: str, folder: Path) -> None:
    blobs = BlobStore(str(folder) if kind == "folder" else "memory://")
    sha256 = blobs.put(b"an image")
    assert not blobs.delete(sha256, unless_newer_than=datetime.now(UTC) - timedelta(days=1))
    assert blobs.get(sha256) == b"an image"
    assert blobs.delete(sha256, unless_newer_than=datetime.now(UTC) + timedelta(days=1))
    assert not blobs.exists(sha256)


def test_puts_that_meet_a_clean_up_of_old_bytes_never_lose_theirs(blobs: BlobStore, folder: Path) -> None:
    contents = [f"image {number}".encode() for number in range(10)]
    paths = [file_of(folder, blobs.put(content)) for content in contents]
    for path in paths:
        age(path, timedelta(days=3))
    cutoff = datetime.now(UTC) - timedelta(days=1)
    with ThreadPoolExecutor(4) as threads:
        puts = [threads.submit(blobs.put, content) for content in contents]
        for path in paths:
            threads.submit(blobs.delete, path.name, unless_newer_than=cutoff)
        put = [future.result() for future in puts]
    assert [blobs.get(sha256) for sha256 in put] == contents


def test_a_put_of_known_bytes_that_are_deleted_meanwhile_writes_them_anew(
    blobs: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = file_of(folder, blobs.put(b"an image"))

    def sync_file(file: Path) -> None:
        file.unlink()
        durable.sync_file(file)

    monkeypatch.setattr("store.blobs.local_files.sync_file", sync_file)
    assert blobs.get(blobs.put(b"an image")) == b"an image"
    assert list(known.parent.iterdir()) == [known]


def test_a_put_that_the_disk_refuses_leaves_nothing_behind(
    blobs: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = file_of(folder, blobs.put(b"an image"))

    def refuse(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("store.durable.os.fsync", refuse)
    with pytest.raises(BlobsUnavailableError, match="Free disk space"):
        blobs.put(b"another image")
    assert [path for path in folder.glob("*/*") if path.is_file()] == [kept]


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_bytes_that_were_deleted_since_their_put_are_put_again(kind: str, folder: Path) -> None:
    blobs = BlobStore(str(folder) if kind == "folder" else "memory://")
    contents = {blobs.put(content): content for content in (b"kept", b"deleted")}
    blobs.delete(hashlib.sha256(b"deleted").hexdigest())
    blobs.ensure(contents)
    assert {sha256: blobs.get(sha256) for sha256 in contents} == contents


def test_what_killed_puts_and_deletions_left_goes_once_it_is_old(blobs: BlobStore, folder: Path) -> None:
    sha256 = blobs.put(b"an image")
    file = file_of(folder, sha256)
    old, fresh, foreign = (file.with_name(f"{sha256}{end}") for end in (".deleted", "#1", ".txt"))
    for leftover in (old, fresh, foreign):
        leftover.write_bytes(b"left")
    for path in (file, old, foreign):
        age(path, timedelta(days=3))
    assert blobs.clear_leftovers(datetime.now(UTC) - timedelta(days=1)) == 1
    assert set(file.parent.iterdir()) == {file, fresh, foreign}


def test_a_store_that_cannot_be_written_is_reported_with_its_remedy(tmp_path: Path) -> None:
    # A file in place of the folder, because root, who runs these tests in a container, may write all folders.
    (tmp_path / "blobs").write_bytes(b"")
    blobs = BlobStore(str(tmp_path / "blobs"))
    with pytest.raises(BlobsUnavailableError, match="Check it, then retry"):
        blobs.put(b"an image")


def test_sixteen_puts_at_once_are_all_there(blobs: BlobStore) -> None:
    with ThreadPoolExecutor(16) as threads:
        shas = list(threads.map(blobs.put, (f"image {number}".encode() for number in range(32))))
    blobs.close()
    assert sorted(name for name, _ in blobs.names()) == sorted(shas)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("is_there", [False, True])
def test_a_put_flushes_the_file_and_its_folder(folder: Path, tmp_path: Path, is_there: bool) -> None:
    code = (
        "import sys; from store.blobs.blob_store import BlobStore\n"
        "print(BlobStore(sys.argv[1]).put(b'an image'))"
    )
    trace = tmp_path / "trace"
    # A second process, so that the flushes of the first one don't count as its own.
    for _ in range(2 if is_there else 1):
        traced = subprocess.run(
            [
                "strace",
                "-f",
                "-y",
                "-e",
                "trace=fsync",
                "-o",
                str(trace),
                sys.executable,
                "-c",
                code,
                str(folder),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if "PTRACE" in traced.stderr:
            pytest.skip("the system lets nobody trace")
    file = file_of(folder, traced.stdout.strip())
    flushed = trace.read_text()
    for path in (file.parent, folder):
        assert f"<{path}>" in flushed
    assert re.search(rf"<{file}(#\d+)?>", flushed)
    if not is_there:
        # The name of each new folder is stored in the one above it.
        assert f"<{folder.parent}>" in flushed
        assert f"<{folder.parent.parent}>" in flushed


def test_a_bucket_of_s3_holds_bytes_as_a_folder_does(monkeypatch: pytest.MonkeyPatch) -> None:
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(Request(f"http://{host}:{port}/images", method="PUT")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in {"ALLOW_HTTP": "true", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    blobs = BlobStore("s3://images/perennial")
    sha256 = blobs.put(b"an image")
    assert blobs.get(sha256) == b"an image"
    assert [name for name, _ in blobs.names()] == [sha256]
    assert not blobs.delete(sha256, unless_newer_than=datetime.now(UTC) - timedelta(days=1))
    assert blobs.delete(sha256)
    assert not blobs.delete(sha256)
    with pytest.raises(BlobMissingError):
        blobs.get(sha256)
    server.stop()
