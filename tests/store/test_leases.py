from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from store import leases
from store.database.database import Database, now
from store.errors import FencedError


def test_a_second_learner_gets_no_lease_while_the_first_ones_lasts(database: Database) -> None:
    assert database.write(lambda c: leases.acquire(c, "a", 60)) == 1
    assert database.write(lambda c: leases.acquire(c, "b", 60)) is None


def test_renewing_in_time_keeps_the_number_and_moves_the_end(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 60))
    assert database.write(lambda c: leases.acquire(c, "a", 120)) == 1
    with database.read() as connection:
        lease = leases.current_lease(connection)
        assert lease is not None
        assert lease.expires > now(connection) + timedelta(seconds=90)


def test_the_number_grows_when_another_learner_takes_over(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 0))
    assert database.write(lambda c: leases.acquire(c, "b", 60)) == 2


def test_the_number_grows_for_the_same_learner_too_when_its_lease_ran_out(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 0))
    assert database.write(lambda c: leases.acquire(c, "a", 60)) == 2


def test_the_number_is_never_given_out_again_after_a_release(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 60))
    database.write(lambda c: leases.release(c, "a"))
    assert database.write(lambda c: leases.acquire(c, "b", 60)) == 2


def test_releasing_does_not_end_another_learners_lease(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 60))
    database.write(lambda c: leases.release(c, "b"))
    with database.read() as connection:
        leases.check(connection, 1)


def test_the_check_passes_for_the_lease_in_force(database: Database) -> None:
    fencing = database.write(lambda c: leases.acquire(c, "a", 60))
    assert fencing is not None
    with database.read() as connection:
        leases.check(connection, fencing)


@pytest.mark.parametrize(("seconds", "fencing"), [(60, 2), (60, 0), (0, 1), (-5, 1)])
def test_the_check_refuses_another_number_and_a_lease_that_ran_out(
    database: Database, seconds: float, fencing: int
) -> None:
    database.write(lambda c: leases.acquire(c, "a", seconds))
    with database.read() as connection, pytest.raises(FencedError):
        leases.check(connection, fencing)


def test_the_check_refuses_any_number_before_the_first_lease(database: Database) -> None:
    with database.read() as connection, pytest.raises(FencedError, match="none"):
        leases.check(connection, 1)


def test_of_many_learners_that_ask_at_once_one_gets_the_lease(database: Database) -> None:
    def ask(name: str) -> int | None:
        with closing(Database(database.url)) as own:
            return own.write(lambda c: leases.acquire(c, name, 60))

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(ask, "abcdefgh"))
    assert sorted(number for number in numbers if number is not None) == [1]
