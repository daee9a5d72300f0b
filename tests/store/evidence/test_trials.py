from datetime import timedelta

from store.database.database import Database
from store.evidence.pools import PoolImage, store_pool
from store.evidence.questions import TRIAL, ask, num_open
from store.evidence.trials import Trial, begin_trial, current_trial, end_trial, last_trials
from store.rounds import rounds
from tests.store import round_work
from tests.store.log_work import NOON, label, sha_of

ENDS = NOON + timedelta(days=14)


def begin(database: Database, *names: str) -> int:
    """Let a round wait for the labels of images on which champion and candidate differ."""
    round_id = round_work.request(database)
    images = [PoolImage(sha_of(name), n, True, "ada", "ants", "bees") for n, name in enumerate(names)]
    images.append(PoolImage(sha_of("agreed"), len(images), True, "ada", "ants", "ants"))
    database.write(lambda c: store_pool(c, round_id, images))
    database.write(lambda c: ask(c, [sha_of(name) for name in names], TRIAL))
    database.write(lambda c: begin_trial(c, round_id, len(names), ENDS))
    return round_id


def current(database: Database) -> Trial | None:
    with database.read() as connection:
        return current_trial(connection)


def test_a_trial_counts_the_answers_to_what_it_asked(database: Database) -> None:
    assert current(database) is None
    round_id = begin(database, "x", "y", "z")
    label(database, "y")
    label(database, "agreed")
    trial = current(database)
    assert trial is not None
    assert (trial.round_id, trial.num_asked, trial.num_answered) == (round_id, 3, 1)
    assert (trial.ends, trial.ended) == (ENDS, None)


def test_an_ended_trial_asks_no_more_and_keeps_its_counts(database: Database) -> None:
    round_id = begin(database, "x", "y")
    label(database, "y")
    for _ in range(2):
        database.write(lambda c: end_trial(c, round_id))
    assert current(database) is None
    label(database, "x")
    with database.read() as connection:
        assert num_open(connection) == 0
        (trial,) = last_trials(connection, 2)
    assert (trial.num_asked, trial.num_answered) == (2, 1)
    assert trial.ended is not None


def test_the_last_trials_come_first(database: Database) -> None:
    begun = []
    for name in "xyz":
        begun.append(begin(database, name))
        database.write(lambda c: end_trial(c, begun[-1]))
        database.write(lambda c: rounds.cancel(c, begun[-1], "ann"))
    with database.read() as connection:
        assert [trial.round_id for trial in last_trials(connection, 2)] == begun[:0:-1]
