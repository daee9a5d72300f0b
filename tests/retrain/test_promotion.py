from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from retrain.errors import SampleDeletedError
from retrain.gate import Verdict
from retrain.journal import Journal
from retrain.promotion import Proposal, settle
from store import leases, registry, rounds, samples, schema
from store.errors import ChampionChangedError, FencedError
from store.registry import NewVersion

VERDICT = Verdict("passed", "It passed.", ())


def _evaluating(world: Any) -> Journal:
    round_id, fencing = world.begin()
    for state in ("training", "evaluating"):
        world.database.write(lambda c, s=state: rounds.advance(c, round_id, s, fencing=fencing))
    return Journal(world.database, round_id, fencing)


def _proposal(world: Any, taken: Sequence[tuple[int, str, int | None]] = ()) -> Proposal:
    return Proposal(
        champion=world.production,
        files={"weights": b"the candidate's"},
        taken=taken,
        accuracy={"golden-1": (0.9, 0.91, 100), "new": (0.4, 0.6, 50)},
        verdict=VERDICT,
        margin=0.02,
        metrics={},
    )


def _settle(world: Any, proposal: Proposal, journal: Journal) -> str:
    return settle(world.database, world.blobs, proposal, journal, is_asked=False)


def _num_rows(world: Any) -> tuple[int, int]:
    with world.database.read() as connection:
        num_versions, num_measurements = (
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (schema.versions, schema.measurements)
        )
    return num_versions, num_measurements


def test_a_promoted_version_has_its_bytes_its_margin_and_its_measurements(small_world: Any) -> None:
    name = _settle(small_world, _proposal(small_world), _evaluating(small_world))
    assert small_world.production.version == name == "v2"
    assert small_world.production.margin == 0.02
    assert small_world.blobs.get(small_world.production.files["weights"]) == b"the candidate's"
    # Both on the new slice, the candidate alone on the old one.
    assert _num_rows(small_world) == (2, 3)


def test_nothing_is_written_when_production_moved_meanwhile(small_world: Any) -> None:
    proposal, journal = _proposal(small_world), _evaluating(small_world)
    new = NewVersion(class_names=("red",), files={"weights": "c" * 64}, parent="v1")
    small_world.database.write(lambda c: registry.add_version(c, new, []))
    small_world.database.write(lambda c: registry.promote(c, "v2", reason="mine", actor="a person"))
    with pytest.raises(ChampionChangedError):
        _settle(small_world, proposal, journal)
    assert small_world.production.version == "v2"
    assert _num_rows(small_world) == (2, 0)
    assert small_world.find_round(journal.round_id).state == "evaluating"


def test_nothing_is_written_when_the_lease_went_to_another(small_world: Any) -> None:
    proposal, journal = _proposal(small_world), _evaluating(small_world)
    small_world.database.write(lambda c: leases.release(c, "learner"))
    small_world.database.write(lambda c: leases.acquire(c, "another", 600))
    with pytest.raises(FencedError):
        _settle(small_world, proposal, journal)
    assert _num_rows(small_world) == (1, 0)


def test_a_candidate_that_learnt_a_deleted_sample_is_not_promoted(small_world: Any) -> None:
    small_world.send(("red",), 3)
    with small_world.database.read() as connection:
        taken = [(sample.id, "train", None) for sample in samples.pending(connection)]
    journal = _evaluating(small_world)
    small_world.database.write(lambda c: samples.delete_sample(c, taken[0][0]))
    with pytest.raises(SampleDeletedError):
        _settle(small_world, _proposal(small_world, taken), journal)
    assert small_world.production.version == "v1"
