from store.database.database import Database
from store.rounds.rounds import cancel
from store.rounds.totals import last_round_ended, num_rounds_by_outcome
from tests.store.round_work import find, request


def test_rounds_are_counted_by_how_they_ended(database: Database) -> None:
    with database.read() as connection:
        assert num_rounds_by_outcome(connection) == {}
        assert last_round_ended(connection) is None
    cancelled = [request_and_cancel(database) for _ in range(2)]
    request(database)
    with database.read() as connection:
        assert num_rounds_by_outcome(connection) == {"cancelled": 2}
        assert last_round_ended(connection) == find(database, cancelled[-1]).ended


def request_and_cancel(database: Database) -> int:
    round_id = request(database)
    database.write(lambda c: cancel(c, round_id, "ada"))
    return round_id
