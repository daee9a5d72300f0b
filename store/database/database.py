"""The database: short reads from any thread, writes through one thread in grouped commits."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.database.database_file import DatabaseFile
from store.database.engine import (
    LOCK_SECONDS,
    is_in_transaction,
    parse_url,
    read_engine,
    sqlite_file,
    write_engine,
)
from store.database.failures import as_unavailable
from store.errors import DatabaseClosedError, DatabaseUnavailableError, NestedWriteError

T = TypeVar("T")

MAX_GROUP_SIZE = 256
MAX_GROUP_SECONDS = 0.25
SLOW_READ_SECONDS = 1.0
NUM_READ_THREADS = 8

_SQLITE_CLOCK = text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
_POSTGRES_CLOCK = text("SELECT clock_timestamp()")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    run: Callable[[Connection], Any]
    outcome: Future[Any]
    deadline: float


class Database:
    """One database, SQLite or PostgreSQL, for one process.

    Writes are functions of a connection. They run on one writer thread, one after the other. Writes that
    wait together share one commit; each has its own savepoint, so that a failing one harms no other. A write
    returns after its commit, never before.

    Not for use across a fork: open a Database in the process that uses it.
    """

    def __init__(self, url: str, *, busy_timeout_seconds: float = 10.0) -> None:
        self.url = url
        self._busy_timeout_seconds = busy_timeout_seconds
        self._file = DatabaseFile(sqlite_file(parse_url(url)))
        self._reader = read_engine(url, busy_timeout_seconds, self._file)
        self._writer = write_engine(url, busy_timeout_seconds, self._file)
        self._works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._readers = ThreadPoolExecutor(NUM_READ_THREADS, thread_name_prefix="store-reader")
        self._is_closed = False

    def check_file(self) -> None:
        """Check that the database's file, where it has one, is still the one that was opened.

        Raises:
            DatabaseRemovedError: It was removed or replaced.
        """
        self._file.check()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see one moment; it can't write. Keep it under a second.

        Raises:
            DatabaseUnavailableError: The database can't be opened or read.
        """
        started = time.monotonic()
        try:
            with self._reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise as_unavailable(error) or error from error
        finally:
            seconds = time.monotonic() - started
            if seconds > SLOW_READ_SECONDS:
                _log.warning("A read transaction took %.1f s; it holds back the log's truncation.", seconds)

    async def read_async(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read transaction on a thread and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the writer thread and return its result once it is committed.

        Raises:
            DatabaseUnavailableError: Nothing was written: the disk is full, or the database is read-only,
                locked for longer than the time-out, or can't be reached. What waits behind other writes
                waits no longer than that either.
            NestedWriteError: Called from inside another write.
            DatabaseClosedError: The database was closed.
        """
        return self._submit(work).result()

    async def write_async(self, work: Callable[[Connection], T]) -> T:
        """Like `write`, for the event loop."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """Finish the queued writes, then close every connection."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            thread = self._thread
            self._works.put(None)
        if thread is not None:
            thread.join()
        self._readers.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self.read() as connection:
            return work(connection)

    def _submit(self, work: Callable[[Connection], T]) -> Future[T]:
        outcome: Future[T] = Future()
        with self._lock:
            if self._is_closed:
                raise DatabaseClosedError("The database was closed, so nothing was written. Open it again.")
            if threading.current_thread() is self._thread:
                raise NestedWriteError("A write called write(). Pass the connection it was given instead.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
                self._thread.start()
            self._works.put(_Work(work, outcome, time.monotonic() + self._busy_timeout_seconds))
        return outcome

    def _write_forever(self) -> None:
        while (first := self._works.get()) is not None:
            if not self._write_group(first):
                return

    def _write_group(self, first: _Work) -> bool:
        """Run `first` and what waits behind it in one commit; return False at the end of the queue."""
        group: list[_Work] = []
        is_open = True
        try:
            with self._transaction(first.deadline - time.monotonic()) as connection:
                settled: list[Callable[[], None]] = []
                work: _Work | None = first
                deadline = time.monotonic() + MAX_GROUP_SECONDS
                while work is not None:
                    if work.outcome.set_running_or_notify_cancel():
                        group.append(work)
                        settled.append(_run_in_savepoint(connection, work))
                    if len(group) >= MAX_GROUP_SIZE or time.monotonic() > deadline:
                        break
                    try:
                        work = self._works.get_nowait()
                    except queue.Empty:
                        break
                    is_open = work is not None
        # If this thread ended, every writer would hang: so all that wait get the error, whatever it is.
        except BaseException as error:  # noqa: BLE001  handed to those that wait, see above
            if first not in group and first.outcome.set_running_or_notify_cancel():
                group.append(first)
            reason = as_unavailable(error) or error
            for work in group:
                work.outcome.set_exception(reason)
            return is_open
        for settle in settled:
            settle()
        return is_open

    @contextmanager
    def _transaction(self, lock_seconds: float) -> Iterator[Connection]:
        with self._writer.connect() as connection:
            connection.execution_options(**{LOCK_SECONDS: max(0.0, lock_seconds)})
            try:
                yield connection
                connection.commit()
                self._file.check_written(connection)
            except BaseException:
                # A commit that failed may leave the transaction open, and every later one would fail in it.
                connection.invalidate()
                raise


def _run_in_savepoint(connection: Connection, work: _Work) -> Callable[[], None]:
    """Run one work; return the call that hands its outcome over, for after the commit."""
    savepoint = connection.begin_nested()
    try:
        result = work.run(connection)
    # An error of the caller's own work is the caller's; the rest of the group goes on.
    except BaseException as error:
        reason = as_unavailable(error) or error
        # A full disk makes SQLite roll back everything, the other works and the savepoints too.
        if isinstance(reason, DatabaseUnavailableError):
            raise reason from error
        if not is_in_transaction(connection):
            _log.warning("the database gave up a transaction: %s", error)
            raise DatabaseUnavailableError(
                "The database gave up a transaction, so nothing was written. Retry."
            ) from error
        savepoint.rollback()
        return lambda: work.outcome.set_exception(reason)
    savepoint.commit()
    return lambda: work.outcome.set_result(result)


def now(connection: Connection) -> datetime:
    """Return the time by the database's clock, to the millisecond or better, aware and in UTC."""
    if connection.dialect.name == "sqlite":
        moment = connection.execute(_SQLITE_CLOCK).scalar_one()
        return datetime.fromisoformat(moment).replace(tzinfo=UTC)
    # PostgreSQL's now() is the time at which the transaction began, which may be seconds ago.
    stamp: datetime = connection.execute(_POSTGRES_CLOCK).scalar_one()
    return stamp.astimezone(UTC)
