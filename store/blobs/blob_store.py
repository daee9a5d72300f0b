"""Stores bytes under their SHA-256: images, and the files of versions."""

import asyncio
import errno
import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, from_url

from store.blobs.local_files import clear_leftovers, delete_file, flush_file, put_file, size_of
from store.durable import FULL, make_folder, sync_folder
from store.errors import (
    BlobMissingError,
    BlobsFullError,
    BlobsReadOnlyError,
    BlobsUnavailableError,
    BucketAwayError,
    CorruptBlobError,
)

if TYPE_CHECKING:
    # obstore has it for type checkers only.
    from obstore.store import RetryConfig

T = TypeVar("T")

NUM_THREADS = 16

_SHA256 = re.compile(r"[0-9a-f]{64}")
# obstore raises Python's own errors where there is one, such as FileNotFoundError.
_FAILURES = (BaseError, OSError)
# Whoever waits for a bucket that is away shall know soon.
_RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=8)}

_log = logging.getLogger(__name__)


class BlobStore:
    """A folder, `memory://` or an S3 bucket of bytes; the same bytes are kept once.

    `put` returns when the bytes are durable; those of `put_many` are durable after a `flush`. Bytes are put
    before the row that names them is written, and a second put makes them young again, so that the clean-up
    of unnamed blobs never deletes bytes that a row is about to name. A deletion by hand deletes young bytes
    too: that is why the write that names bytes calls `ensure` first.
    """

    def __init__(self, url_or_path: str) -> None:
        self._folder: Path | None = None
        self._opened: ObjectStore | None = None
        if "://" in url_or_path and not url_or_path.startswith("file://"):
            self._opened = _open(url_or_path)
        else:
            path = url_or_path
            if path.startswith("file://"):
                path = unquote(path.removeprefix("file://"))
            self._folder = Path(path).absolute()
        self._lock = threading.Lock()
        self._is_prepared = False
        self._threads = ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="blobs")

    def put(self, content: bytes) -> str:
        """Store bytes durably and return their SHA-256, lower-case hexadecimal.

        Raises:
            BlobsUnavailableError: The store can't be written, for instance because the disk is full.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            if self._folder is None:
                obstore.put(self._store(), _path(sha256), content)
            else:
                self._put_in_folder(self._folder, {sha256: content}, is_flushed=True)
        except _FAILURES as error:
            raise _unavailable("store", error) from error
        return sha256

    async def put_many(self, contents: Mapping[str, bytes]) -> None:
        """Store bytes (SHA-256 to content), for the event loop.

        They outlive the process at once. In a folder they outlive the machine only after `flush`, or when
        its system has written them, usually within half a minute.

        Raises:
            BlobsUnavailableError: The store can't be written, for instance because the disk is full.
        """
        if self._folder is not None:
            try:
                # One thread writes all of them: handing each one over costs more than writing it.
                await self.in_thread(partial(self._put_in_folder, self._folder, contents, is_flushed=False))
            except OSError as error:
                raise _unavailable("store", error) from error
            return
        # All puts run to their end, also after a failure: none may go on when this call has returned.
        puts = (self.in_thread(partial(self.put, content)) for content in contents.values())
        for outcome in await asyncio.gather(*puts, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def flush(self, sha256: str) -> None:
        """Return once bytes that `put_many` stored are durable.

        Raises:
            BlobMissingError: There are none of that name.
            BlobsUnavailableError: The store can't be written.
        """
        try:
            if self._folder is not None:
                flush_file(self._folder / _path(sha256))
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        except OSError as error:
            raise _unavailable("store", error) from error

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run work that ends in a put in one of the 16 threads of puts, for the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def ensure(self, contents: Mapping[str, bytes]) -> None:
        """Put those of the bytes (SHA-256 to content) again that were deleted since they were put.

        Call it inside the write that names them: deletions are writes as well, so none can follow.

        Raises:
            BlobsUnavailableError: The store can't be read or written.
        """
        # A look into a bucket takes some hundredths of a second, and all writers wait: they run together.
        look = map if self._folder is not None else self._threads.map
        for sha256, is_there in zip(contents, look(self.exists, contents), strict=True):
            if not is_there:
                self.put(contents[sha256])

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises:
            BlobMissingError: There are none of that name.
            CorruptBlobError: They are not those that were put.
            BlobsUnavailableError: The store can't be read.
        """
        try:
            if self._folder is not None:
                # Not by obstore, which would copy a version's many megabytes once more.
                content = (self._folder / _path(sha256)).read_bytes()
            else:
                content = bytes(obstore.get(self._store(), _path(sha256)).bytes())
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        except _FAILURES as error:
            raise _unavailable("read", error) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise CorruptBlobError(
                f"Expected the bytes {sha256} in the blob store, found others: the disk damaged them. "
                "Send the image again, or restore them from a backup."
            )
        return content

    def exists(self, sha256: str) -> bool:
        """Return whether the store has bytes of that name."""
        return self._modified(sha256) is not None

    def survivors(self, sizes: Mapping[str, int]) -> list[str]:
        """Return which bytes (SHA-256 to size) are complete in the store, in their order.

        The others were deleted, or lost when the machine failed before it had written them. A bucket is not
        asked: for it all are returned.
        """
        folder = self._folder
        if folder is None:
            return list(sizes)
        return [sha256 for sha256, size in sizes.items() if size_of(folder / _path(sha256)) == size]

    def delete(self, sha256: str, *, unless_newer_than: datetime | None = None) -> bool:
        """Delete bytes; return False if there are none, or if they were put after `unless_newer_than`.

        Raises:
            BlobsUnavailableError: The store can't be written.
        """
        try:
            if self._folder is not None:
                return delete_file(self._folder / _path(sha256), unless_newer_than)
            modified = self._modified(sha256)
            if modified is None or (unless_newer_than is not None and modified > unless_newer_than):
                return False
            obstore.delete(self._store(), _path(sha256))
        except FileNotFoundError:
            return False
        except _FAILURES as error:
            raise _unavailable("delete", error) from error
        return True

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Yield (SHA-256, time of the last put) of all bytes.

        Raises:
            BlobsUnavailableError: The store can't be read.
        """
        if self._folder is not None and not self._folder.exists():
            return
        try:
            for chunk in obstore.list(self._store()):
                for entry in chunk:
                    name = entry["path"].rpartition("/")[2]
                    if _SHA256.fullmatch(name):
                        yield name, entry["last_modified"].astimezone(UTC)
        except _FAILURES as error:
            raise _unavailable("list", error) from error

    def clear_leftovers(self, before: datetime) -> int:
        """Delete what killed puts and deletions left beside the blobs before a moment; return how many.

        Raises:
            BlobsUnavailableError: The store can't be read or written.
        """
        try:
            return 0 if self._folder is None else clear_leftovers(self._folder, before)
        except _FAILURES as error:
            raise _unavailable("delete", error) from error

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    def _store(self) -> ObjectStore:
        if self._opened is None:
            # Opened late: a local store needs its folder, which the first put makes.
            if self._folder is None or not self._folder.exists():
                raise FileNotFoundError(f"{self._folder} is not there yet")
            self._opened = LocalStore(str(self._folder))
        return self._opened

    def _put_in_folder(self, folder: Path, contents: Mapping[str, bytes], *, is_flushed: bool) -> None:
        self._prepare(folder)
        for sha256, content in contents.items():
            put_file(folder / _path(sha256), content, is_flushed=is_flushed)

    def _prepare(self, folder: Path) -> None:
        """Make all folders at once: a crash could lose one that another put has just made, and ours in it."""
        with self._lock:
            if self._is_prepared:
                return
            make_folder(folder)
            for number in range(256):
                (folder / f"{number:02x}").mkdir(exist_ok=True)
            sync_folder(folder)
            self._is_prepared = True

    def _modified(self, sha256: str) -> datetime | None:
        try:
            if self._folder is not None:
                seconds = (self._folder / _path(sha256)).stat().st_mtime
                return datetime.fromtimestamp(seconds, UTC)
            return obstore.head(self._store(), _path(sha256))["last_modified"]
        except FileNotFoundError:
            return None
        except _FAILURES as error:
            raise _unavailable("read", error) from error


def _open(url: str) -> ObjectStore:
    return from_url(url) if url.startswith("memory:") else from_url(url, retry_config=_RETRIES)


def _path(sha256: str) -> str:
    # 256 folders, since file systems are slow with a million names in one.
    return f"{sha256[:2]}/{sha256}"


def _missing(sha256: str) -> BlobMissingError:
    return BlobMissingError(
        f"Expected the bytes {sha256} in the blob store, found none: they were deleted or lost. "
        "Restore them from a backup, or send the image again."
    )


def _unavailable(verb: str, error: Exception) -> BlobsUnavailableError:
    # A bucket's own words name its place, and belong into the log alone; after one line they are repeated.
    _log.info("the blob store can't be used: %s", str(error).partition("\n")[0])
    expected = f"Expected to {verb} bytes, found"
    if not isinstance(error, OSError) or error.errno is None:
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError)):
            return BlobsReadOnlyError(f"{expected} that the bucket refuses its key. Mend it, then retry.")
        return BucketAwayError(f"{expected} that the bucket can't be reached. Check it, then retry.")
    if error.errno in FULL:
        return BlobsFullError(f"{expected} the disk full. Free disk space, then retry.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return BlobsReadOnlyError(f"{expected} a folder that is read-only. Make it writable, then retry.")
    return BlobsUnavailableError(f"{expected} it refused ({error.strerror}). Check it, then retry.")
