import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from store.database.database import Database, now
from store.database.facts import read_fact, write_fact
from store.database.migrate import migrate
from store.database.schema import facts
from store.errors import (
    DatabaseClosedError,
    DatabaseLockedError,
    DatabaseUnavailableError,
    NestedWriteError,
)

Work = Callable[[Connection], Any]


def adding(name: str) -> Work:
    return lambda connection: write_fact(connection, name, True)


def names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(facts.c.name)).scalars()) - {"split_secret"}


def write_together(database: Database, works: Sequence[Work]) -> list[Any]:
    """Queue the works behind one that blocks, and return what each returned or raised."""

    async def run() -> list[Any]:
        opens = threading.Event()
        queued: list[Work] = [lambda connection: opens.wait(10), *works]
        writes = [asyncio.ensure_future(database.write_async(work)) for work in queued]
        # Each task runs up to its first wait, so that its work is in the queue.
        await asyncio.sleep(0)
        opens.set()
        return await asyncio.gather(*writes, return_exceptions=True)

    return asyncio.run(run())[1:]


def fill_disk(connection: Connection) -> None:
    num_pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    connection.execute(text(f"PRAGMA max_page_count={num_pages}"))
    write_fact(connection, "large", "x" * 1_000_000)


def free_disk(database: Database) -> None:
    database.write(lambda connection: connection.execute(text("PRAGMA max_page_count=1000000")).scalar_one())


def write_many(url: str, prefix: str, num_writes: int) -> None:
    database = Database(url)
    for number in range(num_writes):
        database.write(adding(f"{prefix}{number}"))
    database.close()


def test_sqlite_keeps_a_write_ahead_log_and_flushes_each_commit(database: Database) -> None:
    def modes(connection: Connection) -> list[Any]:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in pragmas]

    full = 2
    *others, busy_milliseconds = database.write(modes)
    assert others == ["wal", full, 1]
    # What it waited for its turn is no longer waited for the lock.
    assert 9_000 < busy_milliseconds <= 10_000


def test_a_write_holds_the_lock_before_its_first_statement(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "perennial.db"
    other = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)

    def work(connection: Connection) -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")

    database.write(work)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_works_that_wait_together_share_one_commit(database: Database, commits: list[Connection]) -> None:
    write_together(database, [adding(f"fact{number}") for number in range(100)])
    assert len(names(database)) == 100
    # One group for the waiting work and one for the rest; a slow machine may cut a group in two.
    assert 0 < len(commits) < 10


def test_a_failing_work_raises_to_its_caller_only(database: Database) -> None:
    def fail(connection: Connection) -> None:
        write_fact(connection, "undone", True)
        raise ZeroDivisionError

    first, failed, last = write_together(database, [adding("first"), fail, adding("last")])
    assert (first, last) == (None, None)
    assert isinstance(failed, ZeroDivisionError)
    assert names(database) == {"first", "last"}


def test_a_refused_statement_undoes_its_own_work_only(database: Database) -> None:
    def add_twice(connection: Connection) -> None:
        write_fact(connection, "twice", True)
        connection.execute(insert(facts).values(name="twice", value=True))

    refused, kept = write_together(database, [add_twice, adding("kept")])
    assert isinstance(refused, IntegrityError)
    assert kept is None
    assert names(database) == {"kept"}


def test_a_failed_commit_raises_to_all_of_its_group_and_writes_nothing(database: Database) -> None:
    full_disk = sqlite3.OperationalError("database or disk is full")
    full_disk.sqlite_errorcode = sqlite3.SQLITE_FULL

    def refuse(connection: Connection) -> None:
        raise OperationalError("COMMIT", {}, full_disk)

    event.listen(database._writer, "commit", refuse)
    outcomes = write_together(database, [adding("one"), adding("two")])
    event.remove(database._writer, "commit", refuse)
    assert all(isinstance(outcome, DatabaseUnavailableError) for outcome in outcomes)
    assert names(database) == set()
    database.write(adding("after"))
    assert names(database) == {"after"}


def test_nothing_is_acknowledged_before_the_commit(database: Database) -> None:
    order: list[str] = []
    event.listen(database._writer, "commit", lambda connection: order.append("commit"))
    outcome = database._submit(lambda connection: order.append("work"))
    outcome.add_done_callback(lambda _: order.append("acknowledged"))
    database.close()
    assert order == ["work", "commit", "acknowledged"]


def test_a_full_disk_is_reported_with_its_remedy_and_writes_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError, match="Free some space"):
        database.write(fill_disk)
    free_disk(database)
    database.write(adding("small"))
    assert names(database) == {"small"}


def test_a_full_disk_amid_a_group_acknowledges_nothing_that_is_lost(database: Database) -> None:
    outcomes = write_together(database, [adding("before"), fill_disk, adding("after")])
    free_disk(database)
    acknowledged = {
        name for name, outcome in zip(("before", "large", "after"), outcomes, strict=True) if outcome is None
    }
    assert isinstance(outcomes[1], DatabaseUnavailableError)
    assert names(database) == acknowledged


def test_a_read_only_database_is_reported_with_its_remedy(database: Database) -> None:
    def write_read_only(connection: Connection) -> None:
        connection.execute(text("PRAGMA query_only=ON"))
        write_fact(connection, "refused", True)

    with pytest.raises(DatabaseUnavailableError, match="read-only"):
        database.write(write_read_only)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_reported_with_its_remedy(database: Database, tmp_path: Path) -> None:
    for file in tmp_path.iterdir():
        file.chmod(0o400)
    with pytest.raises(DatabaseUnavailableError, match="read-only"):
        database.write(adding("refused"))


def test_a_lock_held_too_long_is_reported_with_its_remedy(database: Database, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "perennial.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    impatient = Database(database.url, busy_timeout_seconds=0.05)
    with pytest.raises(DatabaseUnavailableError, match="Retry in a moment"):
        impatient.write(adding("refused"))
    holder.execute("ROLLBACK")
    impatient.write(adding("accepted"))
    assert names(impatient) == {"accepted"}
    impatient.close()
    holder.close()


def test_what_waits_behind_a_lock_waits_no_longer_than_the_limit(database: Database, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "perennial.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    impatient = Database(database.url, busy_timeout_seconds=0.5)
    begun = time.monotonic()
    # Each of them is a group of its own, since the first one is waiting already when the next one comes.
    outcomes = [impatient._submit(adding(f"refused{number}")) for number in range(6)]
    for outcome in outcomes:
        with pytest.raises(DatabaseLockedError):
            outcome.result()
    assert 0.5 <= time.monotonic() - begun < 2.5
    impatient.close()
    holder.close()


def test_a_file_that_is_no_database_is_reported_with_its_remedy(tmp_path: Path) -> None:
    file = tmp_path / "perennial.db"
    file.write_bytes(b"not a database at all, but long enough to have a header" * 100)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(DatabaseUnavailableError, match="no database"), database.read():
        pass
    database.close()


def test_four_processes_write_at_once_and_none_is_refused(database: Database) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(database.url, f"w{n}-", 20)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert len(names(database)) == 80


def test_an_acknowledged_write_is_there_for_another_process(database: Database) -> None:
    database.write(adding("acknowledged"))
    code = (
        "import sys; from store.database.database import Database\n"
        "from store.database.facts import read_fact\n"
        "with Database(sys.argv[1]).read() as connection: print(read_fact(connection, 'acknowledged'))"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code, database.url], capture_output=True, text=True, check=True
    )
    assert seen.stdout.strip() == "True"


def test_an_acknowledged_write_outlives_a_killed_process(database: Database) -> None:
    code = (
        "import os, signal, sys; from store.database.database import Database\n"
        "from store.database.facts import write_fact\n"
        "Database(sys.argv[1]).write(lambda connection: write_fact(connection, 'acknowledged', 1))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, database.url], check=False)
    assert killed.returncode == -9
    assert names(database) == {"acknowledged"}


def test_a_read_sees_one_moment(database: Database) -> None:
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(facts)).scalar_one()
        database.write(adding("meanwhile"))
        after = connection.execute(select(func.count()).select_from(facts)).scalar_one()
    assert before == after


def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError, match="read-only"), database.read() as connection:
        write_fact(connection, "stray", True)


def test_a_write_inside_a_write_is_refused_and_does_not_hang(database: Database) -> None:
    with pytest.raises(NestedWriteError, match="Pass the connection"):
        database.write(lambda connection: database.write(adding("inner")))


def test_a_cancelled_write_that_has_not_begun_never_runs(database: Database) -> None:
    async def run() -> None:
        opens = threading.Event()
        held = asyncio.ensure_future(database.write_async(lambda connection: opens.wait(10)))
        cancelled = asyncio.ensure_future(database.write_async(adding("cancelled")))
        await asyncio.sleep(0)
        cancelled.cancel()
        # The cancellation reaches the queue when the task is next run.
        await asyncio.sleep(0)
        opens.set()
        await held
        await database.write_async(adding("kept"))

    asyncio.run(run())
    assert names(database) == {"kept"}


def test_closing_finishes_what_is_queued_and_refuses_what_comes_after(database: Database) -> None:
    outcomes = [database._submit(adding(f"fact{number}")) for number in range(20)]
    database.close()
    database.close()
    assert all(outcome.done() for outcome in outcomes)
    with pytest.raises(DatabaseClosedError):
        database.write(adding("late"))
    again = Database(database.url)
    assert len(names(again)) == 20
    again.close()


def test_a_read_of_the_event_loop_runs_on_a_thread(database: Database) -> None:
    reader = asyncio.run(database.read_async(lambda connection: threading.current_thread().name))
    assert reader.startswith("store-reader")


def test_the_databases_clock_is_aware_and_close_to_ours(database: Database) -> None:
    moment = database.write(now)
    assert moment.tzinfo is UTC
    assert abs(moment - datetime.now(UTC)) < timedelta(seconds=5)


def test_migrating_makes_what_the_database_opens(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'perennial.db'}"
    migrate(url)
    database = Database(url)
    database.write(adding("there"))
    with database.read() as connection:
        assert read_fact(connection, "there") is True
    database.close()
