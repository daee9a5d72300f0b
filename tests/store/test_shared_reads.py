import asyncio
import threading

import pytest
from sqlalchemy import Connection

from store.database import Database
from store.errors import DatabaseUnavailableError
from store.facts import read_fact, write_fact
from store.shared_reads import SharedRead


def read_number(connection: Connection) -> int:
    return int(read_fact(connection, "number") or 0)


def test_each_asker_sees_what_it_committed_and_many_cost_few_reads(database: Database) -> None:
    num_reads = 0

    def counting(connection: Connection) -> int:
        nonlocal num_reads
        num_reads += 1
        return read_number(connection)

    async def ask_after_writing(shared: SharedRead[int]) -> None:
        def grow(connection: Connection) -> int:
            write_fact(connection, "number", (grown := read_number(connection) + 1))
            return grown

        written = await database.write_async(grow)
        assert await shared() >= written

    async def ask_all() -> None:
        shared = SharedRead(database, counting)
        await asyncio.gather(*(ask_after_writing(shared) for _ in range(100)))
        assert await shared() == 100

    asyncio.run(ask_all())
    assert num_reads < 50


def test_whoever_asks_while_one_is_running_gets_the_next(database: Database) -> None:
    is_reading, may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> int:
        found = read_number(connection)
        is_reading.set()
        assert may_end.wait(20)
        return found

    async def ask() -> tuple[int, int]:
        shared = SharedRead(database, slow)
        first = asyncio.create_task(shared())
        await asyncio.to_thread(is_reading.wait, 20)
        await database.write_async(lambda connection: write_fact(connection, "number", 1))
        second = asyncio.create_task(shared())
        await asyncio.sleep(0)
        may_end.set()
        return await first, await second

    assert asyncio.run(ask()) == (0, 1)


def test_an_asker_that_goes_away_takes_the_answer_from_nobody(database: Database) -> None:
    async def ask() -> int:
        shared = SharedRead(database, read_number)
        leaver, stayer = asyncio.create_task(shared()), asyncio.create_task(shared())
        await asyncio.sleep(0)
        leaver.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaver
        return await stayer

    assert asyncio.run(ask()) == 0


def test_a_read_that_fails_tells_its_askers_and_spares_the_next(database: Database) -> None:
    is_down = True

    def flaky(connection: Connection) -> int:
        if is_down:
            raise DatabaseUnavailableError("down")
        return read_number(connection)

    async def ask() -> int:
        nonlocal is_down
        shared = SharedRead(database, flaky)
        answers = await asyncio.gather(shared(), shared(), return_exceptions=True)
        assert [type(answer) for answer in answers] == [DatabaseUnavailableError] * 2
        is_down = False
        return await shared()

    assert asyncio.run(ask()) == 0
