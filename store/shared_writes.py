"""Writes that many ask for at once, and one makes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from store.database import Database
from store.errors import DatabaseUnavailableError

A = TypeVar("A")
T = TypeVar("T")

_Asked = tuple[A, "asyncio.Future[T]"]


class SharedWrite(Generic[A, T]):
    """A write that takes all that wait when the writer comes to it, for one event loop.

    What many pieces of work need alike is done once for them, and a waiting group costs one hand-over to the
    writer and back. Where it fails, each is written alone, so that none harms another.
    """

    def __init__(self, database: Database, work: Callable[[Connection, Sequence[A]], Sequence[T]]) -> None:
        """Write nothing yet.

        Args:
            database: Where to.
            work: Is given what was asked for, oldest first, and returns what became of each; may be asked
                again after it raised, when all that it wrote is undone.
        """
        self._database = database
        self._work = work
        self._waiting: deque[_Asked[A, T]] = deque()
        self._is_due = False
        self._writing: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: A) -> T:
        """Return what became of it, once it is committed.

        Raises:
            DatabaseUnavailableError: Nothing was written.
            DatabaseClosedError: The database was closed.
        """
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, outcome))
        # After the line above: the writer may be about to take what waits.
        if not self._is_due:
            self._is_due = True
            task = asyncio.create_task(self._write(), name="shared-write")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        return await outcome

    async def _write(self) -> None:
        taken: list[_Asked[A, T]] | None = None

        def run(connection: Connection) -> Sequence[T]:
            nonlocal taken
            taken = self._take_waiting()
            return self._work(connection, [asked for asked, _ in taken]) if taken else []

        try:
            made = await self._database.write_async(run)
        # Whatever it is: it is told to whoever waits for this write, or for their own part of it.
        except Exception as error:  # noqa: BLE001  handed to whoever waits, as said above
            if taken is not None and len(taken) > 1 and not isinstance(error, DatabaseUnavailableError):
                await asyncio.gather(*(self._write_alone(asked, outcome) for asked, outcome in taken))
                return
            # Where the writer never came to it, nobody else will take those that wait.
            for _, outcome in self._take_waiting() if taken is None else taken:
                _settle(outcome, error)
        else:
            for (_, outcome), result in zip(taken or (), made, strict=True):
                _settle(outcome, result)

    async def _write_alone(self, asked: A, outcome: "asyncio.Future[T]") -> None:
        try:
            [made] = await self._database.write_async(lambda connection: self._work(connection, [asked]))
        except Exception as error:  # noqa: BLE001  handed to who waits for it
            _settle(outcome, error)
        else:
            _settle(outcome, made)

    def _take_waiting(self) -> "list[_Asked[A, T]]":
        # Before anything is taken: who comes from now on and finds nothing due asks for the next write.
        self._is_due = False
        taken = []
        while self._waiting:
            asked, outcome = self._waiting.popleft()
            if not outcome.cancelled():
                taken.append((asked, outcome))
        return taken


def _settle(outcome: "asyncio.Future[T]", result: T | Exception) -> None:
    # Who asked may have gone.
    if outcome.done():
        return
    if isinstance(result, Exception):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
