"""Heartbeats: which version each serving worker answers with."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from store.database.database import now
from store.database.schema import workers as workers_table

_MAX_ERROR = 2000


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """What a worker reports: the version that it serves, since when, and why it can't load the next one."""

    id: str
    version: str | None
    since: datetime | None
    error: str | None
    device: str


@dataclass(frozen=True, slots=True)
class Worker(WorkerBeat):
    """A worker with the time, by the database's clock, of its last heartbeat."""

    seen: datetime


def beat(connection: Connection, worker: WorkerBeat) -> None:
    """Write down a worker's heartbeat, in place of its last one."""
    error = None if worker.error is None else worker.error[:_MAX_ERROR]
    values = asdict(replace(worker, error=error)) | {"seen": now(connection)}
    renewed = connection.execute(
        update(workers_table).where(workers_table.c.id == worker.id).values(**values)
    )
    if renewed.rowcount == 0:
        connection.execute(insert(workers_table).values(**values))


def read_workers(connection: Connection, alive_seconds: float = 15.0) -> list[Worker]:
    """Return the workers with a heartbeat within `alive_seconds`, the newest first."""
    since = now(connection) - timedelta(seconds=alive_seconds)
    query = select(workers_table).where(workers_table.c.seen > since)
    return [
        Worker(row.id, row.version, row.since, row.error, row.device, row.seen)
        for row in connection.execute(query.order_by(workers_table.c.seen.desc(), workers_table.c.id))
    ]


def forget_worker(connection: Connection, worker_id: str) -> None:
    """Remove a worker that stops; an unknown one is no error."""
    connection.execute(delete(workers_table).where(workers_table.c.id == worker_id))


def forget_old(connection: Connection, older_than_seconds: float) -> int:
    """Remove workers without a heartbeat for that long; return how many."""
    before = now(connection) - timedelta(seconds=older_than_seconds)
    return connection.execute(delete(workers_table).where(workers_table.c.seen < before)).rowcount
