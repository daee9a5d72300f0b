"""The database for a learner: each write first proves that the lease is still held."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection

from store import leases
from store.database.database import Database

T = TypeVar("T")


class FencedDatabase(Database):
    """Passes reads on, and writes under a fencing number.

    Jobs that know nothing of the lease, such as retention, write through it. Where a learner is suspended
    in the middle of one until its lease has ended, it writes nothing more when it wakes.
    """

    def __init__(self, database: Database, fencing: int) -> None:
        # Not super().__init__: connections and the writer thread stay those of `database`.
        self._guarded = database
        self.fencing = fencing
        self.url = database.url

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for a short read."""
        with self._guarded.read() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that begins with the proof.

        Raises:
            FencedError: The lease is no longer that of the fencing number; `work` was not run.
        """

        def proven(connection: Connection) -> T:
            leases.check(connection, self.fencing)
            return work(connection)

        return self._guarded.write(proven)
