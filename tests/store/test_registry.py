"""Versions are kept, promoted, rolled back and dropped."""

from collections.abc import Mapping
from functools import partial

import pytest
from sqlalchemy import select

from store import learning_state, leases, registry
from store.database.database import Database
from store.database.schema import version_samples
from store.errors import (
    BlobMissingError,
    ChampionChangedError,
    FencedError,
    NoPredecessorError,
    UnknownVersionError,
    VersionRetiredError,
)
from store.rounds import rounds
from store.rounds.progress import advance
from store.versions import NewVersion, add_version, ancestry, load_files, read_versions
from tests.store.version_work import add, add_line, find, production, promote, roll_back


def test_versions_are_numbered_and_a_child_is_of_its_parents_lineage(database: Database) -> None:
    first = add(database)
    second = add(database, parent=first)
    third = add(database, class_names=("cats", "dogs"))
    assert [first, second, third] == ["v1", "v2", "v3"]
    assert [find(database, name).lineage for name in (first, second, third)] == [1, 1, 2]


def test_a_version_keeps_what_it_is_made_of_and_what_it_saw(database: Database) -> None:
    new = NewVersion(
        class_names=("ants", "bees"),
        files={"weights.safetensors": "a" * 64},
        metrics={"accuracy": 0.9},
        margin=0.025,
    )
    version = database.write(lambda c: add_version(c, new, [(7, "train", 3), (8, "holdout", None)]))
    assert (version.class_names, version.files, version.metrics) == (new.class_names, new.files, new.metrics)
    assert version.margin == 0.025
    with database.read() as connection:
        seen = connection.execute(select(version_samples.c.sample_id, version_samples.c.role)).all()
    assert sorted(seen) == [(7, "train"), (8, "holdout")]


def test_a_version_whose_parent_is_unknown_is_refused(database: Database) -> None:
    with pytest.raises(UnknownVersionError, match="v9"):
        add(database, parent="v9")


def test_versions_are_listed_newest_first_in_pages(database: Database) -> None:
    for _ in range(3):
        add(database)
    with database.read() as connection:
        assert [v.version for v in read_versions(connection, limit=2)] == ["v3", "v2"]
        assert [v.version for v in read_versions(connection, before=2)] == ["v1"]


def test_the_ancestry_of_a_version_goes_from_it_to_the_first(database: Database) -> None:
    first = add(database)
    second = add(database, parent=first)
    add(database, parent=first)
    fourth = add(database, parent=second)
    with database.read() as connection:
        assert ancestry(connection, fourth) == ["v4", "v2", "v1"]


def test_promoting_moves_production_and_writes_the_reason_down(database: Database) -> None:
    first = add(database)
    assert production(database) is None
    move = promote(database, first)
    assert production(database) == first
    assert (move.from_version, move.to_version, move.reason, move.actor) == (None, "v1", "better", "test")


def test_promoting_what_is_production_changes_nothing(database: Database) -> None:
    first = add(database)
    move = promote(database, first)
    assert promote(database, first) == move
    with database.read() as connection:
        assert registry.last_move(connection) == move


def test_a_promotion_loses_to_another_one_since_its_champion_was_judged(database: Database) -> None:
    first, second = add_line(database, 2)
    third = add(database, parent=first)
    with pytest.raises(ChampionChangedError, match="v2"):
        database.write(lambda c: registry.promote(c, third, reason="passed", actor="learner", expected=first))
    assert production(database) == second


def test_a_promotion_of_a_learner_that_lost_its_lease_is_fenced(database: Database) -> None:
    first = add_line(database, 1)[0]
    second = add(database, parent=first)
    database.write(lambda c: leases.acquire(c, "a", 0))
    database.write(lambda c: leases.acquire(c, "b", 60))
    with pytest.raises(FencedError):
        database.write(
            lambda c: registry.promote(c, second, reason="passed", actor="learner", expected=first, fencing=1)
        )
    assert production(database) == first


def test_rolling_back_goes_to_the_version_before_and_pauses_learning(database: Database) -> None:
    add_line(database, 2)
    move = roll_back(database)
    assert production(database) == "v1"
    assert move.is_roll_back
    with database.read() as connection:
        pause = learning_state.paused(connection)
    assert pause is not None
    assert pause["by"] == "ada"
    assert "worse" in pause["reason"]


def test_rolling_back_twice_goes_further_back_and_not_forth_again(database: Database) -> None:
    add_line(database, 3)
    roll_back(database)
    roll_back(database)
    assert production(database) == "v1"
    with pytest.raises(NoPredecessorError):
        roll_back(database)


def test_a_version_promoted_after_a_roll_back_has_what_was_restored_as_its_predecessor(
    database: Database,
) -> None:
    add_line(database, 3)
    roll_back(database)
    promote(database, add(database, parent="v2"))
    roll_back(database)
    assert production(database) == "v2"


def test_a_promotion_by_hand_of_an_old_version_can_itself_be_rolled_back(database: Database) -> None:
    add_line(database, 3)
    promote(database, "v1")
    roll_back(database)
    assert production(database) == "v3"


def test_rolling_back_to_a_named_version_undoes_all_moves_since(database: Database) -> None:
    add_line(database, 4)
    roll_back(database, to="v2")
    assert production(database) == "v2"
    roll_back(database)
    assert production(database) == "v1"


def test_rolling_back_to_a_version_that_never_was_production_is_refused(database: Database) -> None:
    add_line(database, 2)
    add(database)
    with pytest.raises(NoPredecessorError, match="v3"):
        roll_back(database, to="v3")


def test_dropping_old_versions_keeps_the_newest_production_and_its_predecessor(database: Database) -> None:
    add_line(database, 6)
    roll_back(database, to="v2")
    dropped = database.write(lambda c: registry.drop_old_versions(c, keep=2))
    with database.read() as connection:
        kept = [v.version for v in read_versions(connection) if not v.is_retired]
    assert kept == ["v6", "v5", "v2", "v1"]
    assert sorted(dropped) == [f"{2:064d}", f"{3:064d}"]


def test_dropping_old_versions_keeps_bytes_that_a_kept_version_shares(database: Database) -> None:
    for _ in range(3):
        add(database, weights="same".ljust(64, "0"))
    assert database.write(lambda c: registry.drop_old_versions(c, keep=1)) == []


def test_dropping_old_versions_keeps_a_candidate_that_waits_for_a_person(database: Database) -> None:
    first = add_line(database, 1)[0]
    fencing = database.write(lambda c: leases.acquire(c, "a", 60)) or 0
    waiting = database.write(lambda c: rounds.request_round(c, "ada", "by hand")).id
    for state in ("preparing", "training", "evaluating"):
        database.write(partial(advance, round_id=waiting, state=state, fencing=fencing))
    new = NewVersion(("ants", "bees"), {"weights": "c" * 64}, parent=first, round_id=waiting)
    judged = rounds.JudgedRound(waiting, new, [], verdict={}, reason="passed", fencing=fencing)
    version = database.write(lambda c: rounds.await_approval(c, judged))
    add(database)
    database.write(lambda c: registry.drop_old_versions(c, keep=1))
    assert not find(database, version.version).is_retired


def test_a_versions_files_are_read_one_by_one(database: Database) -> None:
    files = {"weights": "a" * 64, "curves.png": "b" * 64}
    database.write(lambda c: add_version(c, NewVersion(("ants", "bees"), files), []))
    loaded = load_files(_OnlyBlobs({"a" * 64: b"weights"}), find(database, "v1"))
    assert (sorted(loaded), len(loaded), "curves.png" in loaded) == (["curves.png", "weights"], 2, True)
    assert loaded["weights"] == b"weights"
    assert loaded.get("engine.onnx") is None
    with pytest.raises(BlobMissingError):
        loaded["curves.png"]


def test_a_version_whose_files_were_dropped_cannot_be_promoted_or_loaded(database: Database) -> None:
    add_line(database, 4)
    database.write(lambda c: registry.drop_old_versions(c, keep=0))
    with pytest.raises(VersionRetiredError, match="v1"):
        promote(database, "v1")
    with pytest.raises(VersionRetiredError):
        load_files(_OnlyBlobs({}), find(database, "v1"))


class _OnlyBlobs:
    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents

    def get(self, sha256: str) -> bytes:
        if sha256 not in self._contents:
            raise BlobMissingError(sha256)
        return self._contents[sha256]


def test_an_unknown_version_is_refused_by_name(database: Database) -> None:
    add_line(database, 2)
    with pytest.raises(UnknownVersionError, match="v1 to v2"):
        promote(database, "v7")
