"""The prediction log, written behind the answers in groups."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.errors import DatabaseUnavailableError, PredictionGoneError, StoreError
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.splits import SplitSettings

MAX_GROUP = 200
GROUP_SECONDS = 0.1
# Past so many waiting bytes answers wait for the disk, so that memory stays bounded.
MAX_BACKLOG_BYTES = 128 * 2**20
# As long as a write waits for the database.
MAX_WAIT_SECONDS = 10.0
# A store that failed so long ago may be well again: no prediction came since.
FAILURE_SECONDS = 60.0
# Predictions that are remembered as lost.
MAX_LOST = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    row: LoggedPrediction
    content: bytes


class PredictionLog:
    """Accepts predictions at once and writes them in groups: the bytes first, then the rows.

    The bytes are flushed to the disk when somebody labels them, since few are ever labelled. A prediction
    that can't be written was answered all the same; it is counted and logged. Feedback on it gets the
    store's error while the store fails, and a request for the image after that.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        split: SplitSettings,
        on_lost: Callable[[int], None],
        max_backlog_bytes: int = MAX_BACKLOG_BYTES,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._split = split
        self._on_lost = on_lost
        self._max_backlog_bytes = max_backlog_bytes
        self._entries: list[_Entry] = []
        self._backlog_bytes = 0
        self._unwritten: dict[str, asyncio.Future[None]] = {}
        self._lost: dict[str, None] = {}
        self._failure: tuple[StoreError, float] | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._task: asyncio.Task[None] | None = None

    async def add(self, row: LoggedPrediction, content: bytes) -> None:
        """Accept one prediction; waits only where the disk is far behind."""
        await self._has_room.wait()
        self._entries.append(_Entry(row, content))
        self._unwritten[row.id] = asyncio.get_running_loop().create_future()
        self._backlog_bytes += len(content)
        if self._backlog_bytes > self._max_backlog_bytes:
            self._has_room.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="prediction-log")

    async def written(self, prediction_id: str) -> None:
        """Return once this process has nothing left to write of a prediction.

        Raises:
            DatabaseUnavailableError: That takes too long.
        """
        future = self._unwritten.get(prediction_id)
        if future is None:
            return
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await asyncio.shield(future)
        except TimeoutError as error:
            raise DatabaseUnavailableError(
                f"Expected to have written prediction {prediction_id}, found it still waiting. Retry soon."
            ) from error

    def check_lost(self, prediction_id: str) -> None:
        """Check that a prediction that is not in the store need not be there.

        Raises:
            StoreError: The store takes no predictions now.
            PredictionGoneError: This process could not write it, when the store took none.
        """
        failure, failed_at = self._failure or (None, 0.0)
        if failure is not None and time.monotonic() - failed_at < FAILURE_SECONDS:
            raise type(failure)(str(failure))
        if prediction_id in self._lost:
            raise PredictionGoneError(
                f"Prediction {prediction_id} was answered while the store was unavailable, and is not kept. "
                "Send the image itself with its label instead."
            )

    async def close(self) -> None:
        """Write what is left."""
        while self._task is not None and not self._task.done():
            await self._task

    async def _run(self) -> None:
        while self._entries:
            if len(self._entries) < MAX_GROUP:
                await asyncio.sleep(GROUP_SECONDS)
            group, self._entries = self._entries[:MAX_GROUP], self._entries[MAX_GROUP:]
            await self._write(group)
            self._backlog_bytes -= sum(len(entry.content) for entry in group)
            if self._backlog_bytes <= self._max_backlog_bytes:
                self._has_room.set()
            for entry in group:
                self._unwritten.pop(entry.row.id).set_result(None)

    async def _write(self, group: list[_Entry]) -> None:
        rows = [entry.row for entry in group]
        contents = {entry.row.sha256: entry.content for entry in group}
        try:
            await self._blobs.put_many(contents)

            def work(connection: Connection) -> None:
                # A deletion of the same pictures since deleted their bytes.
                self._blobs.ensure(contents)
                log_predictions(connection, rows, self._split)

            await self._database.write_async(work)
        except StoreError as error:
            _log.error("%d predictions were answered but could not be logged: %s", len(rows), error)
            self._failure = error, time.monotonic()
            self._lose(rows)
        except Exception:  # noqa: BLE001  the boundary of a background task: the next group is written
            _log.exception("%d predictions were answered but could not be logged", len(rows))
            self._lose(rows)
        else:
            self._failure = None

    def _lose(self, rows: list[LoggedPrediction]) -> None:
        self._on_lost(len(rows))
        self._lost.update(dict.fromkeys(row.id for row in rows))
        for oldest in list(self._lost)[:-MAX_LOST]:
            del self._lost[oldest]
