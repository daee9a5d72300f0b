"""Reads that many ask for at once, and one answers."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

from store.database import Database

T = TypeVar("T")


class SharedRead(Generic[T]):
    """A read whose askers share its answer, for one event loop.

    Whoever asks while one is running waits for the next, which begins after all of its askers asked: each
    sees what it has committed before. So a thousand askers a second cost as many reads as fit into one.
    """

    def __init__(self, database: Database, work: Callable[[Connection], T]) -> None:
        self._database = database
        self._work = work
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """Return the answer of a read that begins from now on.

        Raises:
            DatabaseUnavailableError: The database can't be opened or read.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        # An asker that goes away takes the answer from nobody.
        return await asyncio.shield(self._next)

    async def _after(self, earlier: asyncio.Task[T] | None) -> T:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._running, self._next = self._next, None
        return await self._database.read_async(self._work)
