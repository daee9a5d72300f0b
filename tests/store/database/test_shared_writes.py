import asyncio
import random
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from store.database.database import Database
from store.database.facts import read_fact, write_fact
from store.database.shared_writes import SharedWrite
from store.errors import DatabaseClosedError, DatabaseUnavailableError


def append(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Store numbers; return each with how many were written together."""
    write_fact(connection, "numbers", [*(read_fact(connection, "numbers") or []), *numbers])
    return [(number, len(numbers)) for number in numbers]


def append_small(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, int]]:
    appended = append(connection, numbers)
    if any(number > 9 for number in numbers):
        raise ValueError(f"found {max(numbers)}, over 9")
    return appended


def written(database: Database) -> list[int]:
    with database.read() as connection:
        return list(read_fact(connection, "numbers") or [])


class Busy:
    """Keeps the writer busy until the block ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._may_end = threading.Event()

    async def __aenter__(self) -> None:
        is_running = threading.Event()

        def work(_: Connection) -> None:
            is_running.set()
            assert self._may_end.wait(20)

        self._write = asyncio.create_task(self._database.write_async(work))
        await asyncio.to_thread(is_running.wait, 20)

    async def __aexit__(self, *_: object) -> None:
        self._may_end.set()
        await self._write


def test_all_that_wait_are_written_together_in_their_order(database: Database) -> None:
    async def ask() -> list[tuple[int, int]]:
        shared = SharedWrite(database, append)
        async with Busy(database):
            tasks = [asyncio.create_task(shared(number)) for number in range(20)]
            await asyncio.sleep(0.05)
        return await asyncio.gather(*tasks)

    assert asyncio.run(ask()) == [(number, 20) for number in range(20)]
    assert written(database) == list(range(20))


def test_whenever_they_ask_each_is_written_once(database: Database, commits: list[Connection]) -> None:
    rng = random.Random(1)

    async def later(shared: SharedWrite[int, tuple[int, int]], number: int) -> tuple[int, int]:
        await asyncio.sleep(rng.random() / 5)
        return await shared(number)

    async def ask() -> list[tuple[int, int]]:
        shared = SharedWrite(database, append)
        return await asyncio.gather(*(later(shared, number) for number in range(1000)))

    assert [number for number, _ in asyncio.run(ask())] == list(range(1000))
    assert sorted(written(database)) == list(range(1000))
    assert 0 < len(commits) < 1000


def test_one_that_fails_harms_no_other(database: Database) -> None:
    async def ask() -> list[tuple[int, int] | BaseException]:
        shared = SharedWrite(database, append_small)
        async with Busy(database):
            tasks = [asyncio.create_task(shared(number)) for number in (1, 10, 2, 11)]
            await asyncio.sleep(0.05)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        return [*answers, await shared(3)]

    one, ten, two, eleven, three = asyncio.run(ask())
    assert [one, two, three] == [(1, 1), (2, 1), (3, 1)]
    assert [str(ten), str(eleven)] == ["found 10, over 9", "found 11, over 9"]
    assert sorted(written(database)) == [1, 2, 3]


def test_one_that_fails_alone_raises(database: Database) -> None:
    async def ask() -> None:
        await SharedWrite(database, append_small)(10)

    with pytest.raises(ValueError, match="found 10"):
        asyncio.run(ask())
    assert written(database) == []


def test_one_that_goes_away_before_its_turn_is_not_written(database: Database) -> None:
    async def ask() -> tuple[int, int]:
        shared = SharedWrite(database, append)
        async with Busy(database):
            leaver, stayer = asyncio.create_task(shared(1)), asyncio.create_task(shared(2))
            await asyncio.sleep(0.05)
            leaver.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaver
        return await stayer

    assert asyncio.run(ask()) == (2, 1)
    assert written(database) == [2]


def test_without_its_database_all_fail_and_the_next_are_written(database: Database) -> None:
    is_down = True

    def flaky(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, int]]:
        if is_down:
            raise DatabaseUnavailableError("down")
        return append(connection, numbers)

    async def ask() -> tuple[int, int]:
        nonlocal is_down
        shared = SharedWrite(database, flaky)
        answers = await asyncio.gather(shared(1), shared(2), return_exceptions=True)
        assert [type(answer) for answer in answers] == [DatabaseUnavailableError] * 2
        is_down = False
        return await shared(3)

    assert asyncio.run(ask()) == (3, 1)
    assert written(database) == [3]


def test_what_was_refused_before_it_began_is_reported_and_the_next_are_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Database, lock_seconds: float) -> None:
        raise RuntimeError("refused before it began")

    async def ask() -> tuple[int, int]:
        shared = SharedWrite(database, append)
        with monkeypatch.context() as patch:
            patch.setattr(Database, "_transaction", refuse)
            answers = await asyncio.gather(shared(1), shared(2), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["refused before it began"] * 2
        return await shared(3)

    assert asyncio.run(ask()) == (3, 1)
    assert written(database) == [3]


def test_a_closed_database_fails_all(database: Database) -> None:
    async def ask() -> list[BaseException | tuple[int, int]]:
        shared = SharedWrite(database, append)
        database.close()
        first = await asyncio.gather(shared(1), shared(2), return_exceptions=True)
        return [*first, *await asyncio.gather(shared(3), return_exceptions=True)]

    assert [type(answer) for answer in asyncio.run(ask())] == [DatabaseClosedError] * 3
