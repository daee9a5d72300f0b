from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from retrain.errors import SampleDeletedError
from retrain.evidence.comparison import OldComparison
from retrain.evidence.new_evaluation import NewComparison
from retrain.gate.outcomes import NewEvidence, OldEvidence, no_outcomes
from retrain.gate.verdict import Verdict
from retrain.journal import Journal
from retrain.promotion import JudgedCandidate, store_candidate
from store import leases, registry
from store.database import schema
from store.errors import ChampionChangedError, FencedError
from store.evidence.answers import Answer, read_answers
from store.samples import samples
from store.samples.pending import pending_samples
from store.state import State
from store.versions import NewVersion, add_version
from tests.retrain.world import World

VERDICT = Verdict("passed", "It passed.", (), alpha=0.04)


def _evaluating(world: World) -> Journal:
    round_id, fencing = world.begin()
    world.advance(round_id, fencing, "training", "evaluating")
    return Journal(world.database, round_id, fencing)


def _candidate(world: World, roles: Sequence[tuple[int, str, int | None]] = ()) -> JudgedCandidate:
    return JudgedCandidate(
        champion=replace(world.production, margin=0.02),
        class_names=world.production.class_names,
        files={"weights": b"the candidate's"},
        roles=roles,
        new=NewComparison(
            _evidence([0, 0], [0, 1], [0, 1]),
            (),
            champion_answers={"b" * 64: Answer(0, 0.6)},
            candidate_answers={"b" * 64: Answer(1, 0.8)},
        ),
        old=OldComparison(
            evidence=OldEvidence(no_outcomes("golden")),
            calibration=None,
            accuracy={"golden-1": (0.9, 0.91, 100)},
            answers={"a" * 64: Answer(1, 0.9)},
            overuse=None,
        ),
        verdict=VERDICT,
        metrics={},
    )


def _evidence(champion: list[int], candidate: list[int], labels: list[int]) -> NewEvidence:
    return NewEvidence(np.array(champion), np.array(candidate), np.array(labels), ("tests",) * len(labels))


def _store(world: World, candidate: JudgedCandidate, journal: Journal) -> str:
    return store_candidate(State(world.database, world.blobs), candidate, journal, needs_approval=False)


def _num_rows(world: World) -> tuple[int, int]:
    with world.database.read() as connection:
        num_versions, num_measurements = (
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (schema.versions, schema.measurements)
        )
    return num_versions, num_measurements


def test_a_promoted_version_has_its_bytes_its_margin_and_its_measurements(small_world: World) -> None:
    name = _store(small_world, _candidate(small_world), _evaluating(small_world))
    assert small_world.production.version == name == "v2"
    assert small_world.production.margin == 0.02
    assert small_world.blobs.get(small_world.production.files["weights"]) == b"the candidate's"
    # Both on the new slice, the candidate alone on the old one.
    assert _num_rows(small_world) == (2, 3)
    with small_world.database.read() as connection:
        images = ["a" * 64, "b" * 64]
        own = {"a" * 64: Answer(1, 0.9), "b" * 64: Answer(1, 0.8)}
        assert read_answers(connection, name, images) == own
        assert read_answers(connection, "v1", images) == {"b" * 64: Answer(0, 0.6)}


def test_nothing_is_written_when_production_moved_meanwhile(small_world: World) -> None:
    candidate, journal = _candidate(small_world), _evaluating(small_world)
    new = NewVersion(class_names=("red",), files={"weights": "c" * 64}, parent="v1")
    small_world.database.write(lambda c: add_version(c, new, []))
    small_world.database.write(lambda c: registry.promote(c, "v2", reason="mine", actor="a person"))
    with pytest.raises(ChampionChangedError):
        _store(small_world, candidate, journal)
    assert small_world.production.version == "v2"
    assert _num_rows(small_world) == (2, 0)
    assert small_world.find_round(journal.round_id).state == "evaluating"


def test_nothing_is_written_when_the_lease_went_to_another(small_world: World) -> None:
    candidate, journal = _candidate(small_world), _evaluating(small_world)
    small_world.database.write(lambda c: leases.release(c, "learner"))
    small_world.database.write(lambda c: leases.acquire(c, "another", 600))
    with pytest.raises(FencedError):
        _store(small_world, candidate, journal)
    assert _num_rows(small_world) == (1, 0)


def test_a_candidate_that_learnt_a_deleted_sample_is_not_promoted(small_world: World) -> None:
    small_world.send(("red",), 3)
    with small_world.database.read() as connection:
        roles = [(sample.id, "train", None) for sample in pending_samples(connection)]
    journal = _evaluating(small_world)
    small_world.database.write(lambda c: samples.delete_sample(c, roles[0][0]))
    with pytest.raises(SampleDeletedError):
        _store(small_world, _candidate(small_world, roles), journal)
    assert small_world.production.version == "v1"
