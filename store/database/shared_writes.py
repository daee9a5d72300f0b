"""Joins many waiting requests to one write."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from store.database.database import Database
from store.errors import DatabaseUnavailableError

A = TypeVar("A")
T = TypeVar("T")

_Waiting = tuple[A, "asyncio.Future[T]"]


class SharedWrite(Generic[A, T]):
    """A write of all items that wait when the writer comes to it, for one event loop.

    Work that many items share is done once for all of them, and a group costs one hand-over to the writer
    and back. If the group fails, each item is written alone, so that none harms another.
    """

    def __init__(self, database: Database, work: Callable[[Connection, Sequence[A]], Sequence[T]]) -> None:
        """Write nothing yet.

        Args:
            database: Where to write.
            work: Writes items, oldest first, and returns one result for each. If it raises, all that it wrote
                is undone, and it may be called again.
        """
        self._database = database
        self._work = work
        self._waiting: deque[_Waiting[A, T]] = deque()
        self._is_due = False
        self._writing: set[asyncio.Task[None]] = set()

    async def __call__(self, item: A) -> T:
        """Write an item and return its result, once it is committed.

        Raises:
            DatabaseUnavailableError: Nothing was written.
            DatabaseClosedError: The database was closed.
        """
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        # After the line above: the writer may be about to pop the items that wait.
        if not self._is_due:
            self._is_due = True
            task = asyncio.create_task(self._write(), name="shared-write")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        return await outcome

    async def _write(self) -> None:
        group: list[_Waiting[A, T]] | None = None

        def run(connection: Connection) -> Sequence[T]:
            nonlocal group
            group = self._pop_waiting()
            return self._work(connection, [item for item, _ in group]) if group else []

        try:
            results = await self._database.write_async(run)
        # Whatever the error is, all that wait for this write get it, or the error of their own item.
        except Exception as error:  # noqa: BLE001  handed to those that wait, see above
            if group is not None and len(group) > 1 and not isinstance(error, DatabaseUnavailableError):
                await asyncio.gather(*(self._write_alone(item, outcome) for item, outcome in group))
                return
            # If the writer never came to it, nobody else will settle those that wait.
            for _, outcome in self._pop_waiting() if group is None else group:
                _settle(outcome, error)
        else:
            for (_, outcome), result in zip(group or (), results, strict=True):
                _settle(outcome, result)

    async def _write_alone(self, item: A, outcome: "asyncio.Future[T]") -> None:
        try:
            [result] = await self._database.write_async(lambda connection: self._work(connection, [item]))
        except Exception as error:  # noqa: BLE001  handed to the one that waits for it
            _settle(outcome, error)
        else:
            _settle(outcome, result)

    def _pop_waiting(self) -> "list[_Waiting[A, T]]":
        # Set before anything is popped: an item that arrives from now on asks for the next write.
        self._is_due = False
        group = []
        while self._waiting:
            item, outcome = self._waiting.popleft()
            if not outcome.cancelled():
                group.append((item, outcome))
        return group


def _settle(outcome: "asyncio.Future[T]", result: T | Exception) -> None:
    # The caller may have been cancelled.
    if outcome.done():
        return
    if isinstance(result, Exception):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
