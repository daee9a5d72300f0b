"""Bytes, named by their SHA-256: images and the files of versions."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from store.durable import make_folder, sync_file, sync_folder
from store.errors import BlobMissingError, BlobsUnavailableError

NUM_THREADS = 16


class BlobStore:
    """A folder, `memory://` or an S3 bucket of bytes; the same bytes are kept once.

    `put` returns when the bytes are durable. Bytes are put before the row that names them is written,
    and a second put makes them young again, so that the clean-up of unnamed blobs never takes bytes that
    a row is about to name.
    """

    def __init__(self, url_or_path: str) -> None:
        self._folder: Path | None = None
        if "://" in url_or_path and not url_or_path.startswith("file://"):
            self._store: ObjectStore = from_url(url_or_path)
        else:
            self._folder = Path(url_or_path.removeprefix("file://")).absolute()
            make_folder(self._folder)
            self._store = LocalStore(str(self._folder))
        self._threads = ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="blobs")

    def put(self, content: bytes) -> str:
        """Store bytes durably and return their SHA-256, lower-case hexadecimal.

        Raises:
            BlobsUnavailableError: The store can't be written, for instance because the disk is full.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            if self._folder is None:
                obstore.put(self._store, _path(sha256), content)
            else:
                self._put_durably(self._folder / _path(sha256), content)
        except OSError as error:
            raise _unavailable(error) from error
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        return sha256

    async def put_async(self, content: bytes) -> str:
        """Store bytes as `put` does, in one of 16 threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.put, content)

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises:
            BlobMissingError: There are none of that name.
        """
        try:
            return bytes(obstore.get(self._store, _path(sha256)).bytes())
        except FileNotFoundError as error:
            raise BlobMissingError(
                f"Expected the bytes {sha256} in the blob store, found none: they were deleted or lost. "
                "Restore them from a backup, or send the image again."
            ) from error

    def exists(self, sha256: str) -> bool:
        """Return whether bytes of that name are here."""
        return self._modified(sha256) is not None

    def delete(self, sha256: str, *, unless_newer_than: datetime | None = None) -> bool:
        """Delete bytes; return False where they are not there, or were put after `unless_newer_than`."""
        modified = self._modified(sha256)
        if modified is None or (unless_newer_than is not None and modified > unless_newer_than):
            return False
        try:
            obstore.delete(self._store, _path(sha256))
        except FileNotFoundError:
            return False
        return True

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield (SHA-256, time of the last put) of all bytes."""
        for chunk in obstore.list(self._store):
            for found in chunk:
                sha256 = found["path"].replace("/", "")
                if len(sha256) == 64:
                    yield sha256, found["last_modified"]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def _put_durably(self, file: Path, content: bytes) -> None:
        make_folder(file.parent)
        if file.exists():
            os.utime(file)
        else:
            obstore.put(self._store, _path(file.parent.name + file.name), content)
        # Also where the file was there: the put that wrote it may not have synced it yet.
        sync_file(file)
        sync_folder(file.parent)

    def _modified(self, sha256: str) -> datetime | None:
        try:
            return obstore.head(self._store, _path(sha256))["last_modified"]
        except FileNotFoundError:
            return None


def _path(sha256: str) -> str:
    # 256 folders: no file system likes a million names in one.
    return f"{sha256[:2]}/{sha256[2:]}"


def _unavailable(error: Exception) -> BlobsUnavailableError:
    return BlobsUnavailableError(
        f"Expected to store bytes, but the blob store refused ({error}). "
        "Free disk space or mend its access, then retry."
    )
