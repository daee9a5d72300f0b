"""Rounds end by being promoted, by themselves or by a person, or by being cancelled."""

import pytest
from sqlalchemy import Connection, select

from store import registry
from store.database.database import Database
from store.database.schema import samples, slice_samples, version_samples, versions
from store.errors import (
    ChampionChangedError,
    IllegalTransitionError,
)
from store.rounds import rounds
from store.rounds.log import record_samples
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version
from tests.store.log_work import HELD_OUT, label, log_names, sha_of
from tests.store.round_work import (
    RUN,
    VERDICT,
    await_approval,
    count,
    evaluating,
    find,
    go,
    judge_on,
    promote_round,
    request,
)
from tests.store.version_work import production


def sha256_of(sample_id: int) -> str:
    return f"{sample_id:064x}"


def held_out(database: Database, num: int) -> list[int]:
    """Add held-out samples, and return their ids."""

    def work(connection: Connection) -> list[int]:
        return [
            add_sample(
                connection,
                NewSample(sha256_of(number), 0, "direct", "ada", "ants", split="holdout"),
                ["ants", "bees"],
                SplitSettings(),
            ).sample_id
            for number in range(1, num + 1)
        ]

    return database.write(work)


@pytest.mark.parametrize("state", ["preparing", "training"])
def test_a_round_that_was_not_evaluated_cannot_be_promoted(
    database: Database, champion: str, fencing: int, state: str
) -> None:
    round_id = request(database)
    go(database, round_id, fencing, *RUN[: RUN.index(state) + 1])
    with pytest.raises(IllegalTransitionError):
        promote_round(database, champion, round_id, fencing)
    assert count(database, versions) == 1


def test_promoting_a_round_moves_version_alias_slice_and_state_together(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    [learnt, judging, beside] = held_out(database, 3)
    recorded = [(learnt, "train", None), (judging, "holdout", 2), (beside, "holdout", 3)]
    database.write(lambda c: record_samples(c, round_id, recorded, fencing))
    judge_on(database, round_id, [sha256_of(judging)])
    move = promote_round(database, champion, round_id, fencing, learnt=[learnt])
    ended = find(database, round_id)
    assert (move.from_version, move.to_version, move.actor) == (champion, "v2", "learner")
    assert (ended.state, ended.candidate, ended.verdict) == ("promoted", "v2", VERDICT)
    assert production(database) == "v2"
    with database.read() as connection:
        assert connection.execute(select(slice_samples)).all() == [(f"round-{round_id}", judging)]
        splits = dict(connection.execute(select(samples.c.id, samples.c.split)).all())
    assert count(database, version_samples) == 2
    # What is held out and judged nothing may be learnt from now on.
    assert (splits[judging], splits[beside]) == ("holdout", "train")


def test_a_labelled_image_that_a_pool_had_no_room_for_stays_held_out_as_an_unlabelled_one_does(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    names = ["judged", "left over"]
    log_names(database, names, HELD_OUT)
    ids = [label(database, name).sample_id for name in names]
    database.write(lambda c: record_samples(c, round_id, [(i, "holdout", None) for i in ids], fencing))
    judge_on(database, round_id, [sha_of("judged")])
    database.write(lambda c: rounds.close_judged(c, round_id, "rejected", reason="no", fencing=fencing))
    with database.read() as connection:
        splits = dict(connection.execute(select(samples.c.id, samples.c.split)).all())
    assert [splits[i] for i in ids] == ["train", "holdout"]


def test_a_persons_promotion_during_a_round_wins_over_the_rounds(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)

    def promote_by_hand(connection: Connection) -> None:
        new = NewVersion(("ants", "bees"), {"weights": "c" * 64}, parent=champion)
        version = add_version(connection, new, []).version
        registry.promote(connection, version, reason="my own", actor="ada")

    database.write(promote_by_hand)
    with pytest.raises(ChampionChangedError):
        promote_round(database, champion, round_id, fencing)
    assert production(database) == "v2"
    assert find(database, round_id).state == "evaluating"
    assert count(database, versions) == 2
    assert count(database, slice_samples) == 0


def test_a_requested_round_is_cancelled_at_once(database: Database) -> None:
    round_id = request(database)
    cancelled = database.write(lambda c: rounds.cancel(c, round_id, "ada"))
    assert (cancelled.state, cancelled.reason) == ("cancelled", "Cancelled by ada.")
    assert cancelled.ended is not None


def test_a_round_that_ended_cannot_be_cancelled(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    go(database, round_id, fencing, "inconclusive")
    with pytest.raises(IllegalTransitionError):
        database.write(lambda c: rounds.cancel(c, round_id, "ada"))


def test_an_approved_round_is_promoted_in_the_name_of_the_person(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    [judging] = held_out(database, 1)
    judge_on(database, round_id, [sha256_of(judging)])
    await_approval(database, champion, round_id, fencing)
    assert production(database) == champion
    approved = database.write(lambda c: rounds.approve(c, round_id, "ada"))
    assert (approved.state, approved.candidate) == ("promoted", "v2")
    assert production(database) == "v2"
    with database.read() as connection:
        assert registry.last_move(connection).actor == "ada"
    assert count(database, slice_samples) == 1


def test_approving_is_refused_when_production_has_changed_since(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    await_approval(database, champion, round_id, fencing)

    def promote_by_hand(connection: Connection) -> str:
        new = NewVersion(("ants", "bees"), {"weights": "c" * 64}, parent=champion)
        version = add_version(connection, new, []).version
        return registry.promote(connection, version, reason="my own", actor="ada").to_version

    by_hand = database.write(promote_by_hand)
    with pytest.raises(ChampionChangedError):
        database.write(lambda c: rounds.approve(c, round_id, "ada"))
    assert production(database) == by_hand
    assert find(database, round_id).state == "awaiting_approval"


def test_a_round_that_waits_can_be_cancelled(database: Database, champion: str, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    await_approval(database, champion, round_id, fencing)
    assert database.write(lambda c: rounds.cancel(c, round_id, "ada")).state == "cancelled"
    assert production(database) == champion


def test_only_a_round_that_waits_can_be_approved(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    with pytest.raises(IllegalTransitionError, match="evaluating"):
        database.write(lambda c: rounds.approve(c, round_id, "ada"))
