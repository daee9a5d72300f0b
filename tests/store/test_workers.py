from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from store import workers
from store.database.database import Database
from store.workers import WorkerBeat, read_workers

SINCE = datetime(2026, 5, 1, 12, tzinfo=UTC)
BEAT = WorkerBeat("host-17", "v1", SINCE, None, "cpu")


def test_a_worker_that_beats_is_alive_with_its_last_report(database: Database) -> None:
    database.write(lambda c: workers.beat(c, BEAT))
    database.write(lambda c: workers.beat(c, replace(BEAT, version="v2", error="x" * 9000)))
    with database.read() as connection:
        [worker] = read_workers(connection)
    assert (worker.id, worker.version, worker.since, worker.device) == ("host-17", "v2", SINCE, "cpu")
    assert worker.error == "x" * 2000


def test_a_worker_that_was_silent_for_too_long_is_not_alive(database: Database) -> None:
    database.write(lambda c: workers.beat(c, BEAT))
    with database.read() as connection:
        assert read_workers(connection, alive_seconds=0) == []


def test_a_worker_that_stops_is_forgotten_and_no_other(database: Database) -> None:
    for name in ("a", "b"):
        database.write(partial(workers.beat, worker=replace(BEAT, id=name)))
    database.write(lambda c: workers.forget_worker(c, "a"))
    with database.read() as connection:
        assert [worker.id for worker in read_workers(connection)] == ["b"]


def test_workers_without_a_heartbeat_for_long_are_forgotten(database: Database) -> None:
    database.write(lambda c: workers.beat(c, BEAT))
    assert database.write(lambda c: workers.forget_old(c, older_than_seconds=60)) == 0
    assert database.write(lambda c: workers.forget_old(c, older_than_seconds=-1)) == 1
