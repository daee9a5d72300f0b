from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, select

from monitoring.golden_overuse import METRIC
from retrain.answers import Answers
from retrain.dataset import Item
from retrain.evidence.old_evaluation import OldEvaluation
from retrain.evidence.old_images import OldImages, Part, old_images
from retrain.gate.outcomes import AGREEMENT
from retrain.gate.settings import GateSettings
from retrain.models import RoundModels
from store import registry, slices
from store.database.schema import held_out_answers
from store.errors import FencedError
from store.evidence.anchors import anchor_of
from store.evidence.answers import read_answers
from store.measurements import series
from store.versions import NewVersion, Version, add_version, find_version
from tests.retrain.world import CLASSES, World
from vision.artifact import Artifact, to_files
from vision.engines.choice import EngineSettings
from vision.engines.served_model import ServedModel
from vision.engines.torch_engine import TorchEngine


class CountedModels(RoundModels):
    """Counts the images that each model answers."""

    def __init__(self, world: World) -> None:
        super().__init__(world.production, world.blobs, EngineSettings("torch", "float32", "cpu"))
        self.num_answered: list[int] = []

    def answers(self, model: ServedModel, items: Sequence[Item]) -> Answers:
        self.num_answered.append(len(items))
        return super().answers(model, items)


def forgetful(artifact: Artifact, label: str) -> Artifact:
    """Return the classifier as it would be if it never answered a class."""
    state = {name: tensor.clone() for name, tensor in artifact.state.items()}
    bias = next(name for name in reversed(state) if name.endswith("bias"))
    state[bias][CLASSES.index(label)] -= 1000.0
    return replace(artifact, state=state)


def broken(artifact: Artifact) -> Artifact:
    state = {name: tensor.clone() for name, tensor in artifact.state.items()}
    bias = next(name for name in reversed(state) if name.endswith("bias"))
    state[bias] *= float("nan")
    return replace(artifact, state=state)


def as_served(artifact: Artifact) -> ServedModel:
    return ServedModel(artifact, TorchEngine(artifact.build()))


def images_of(world: World, *, rank: int = 2**62, **changes: Any) -> OldImages:
    with world.database.read() as connection:
        names = slices.slice_names(connection, 1, world.production.version)
        members = {name: slices.slice_samples(connection, name) for name in names}
    return replace(old_images(members, CLASSES, lambda sha256: rank), **changes)


def evaluation(
    world: World,
    models: RoundModels | None = None,
    images: OldImages | None = None,
    fencing: int | None = None,
) -> OldEvaluation:
    return OldEvaluation(
        world.state,
        models or CountedModels(world),
        images or images_of(world),
        GateSettings(),
        world.acquire_lease() if fencing is None else fencing,
    )


def add_learnt_version(world: World, artifact: Artifact, round_id: int | None = 1) -> Version:
    """Add a version that a round learnt from production, or `train` made without one, and promote it."""
    files = {name: world.blobs.put(content) for name, content in to_files(artifact).items()}

    def work(connection: Connection) -> Version:
        parent = registry.production(connection)
        assert parent is not None
        new = NewVersion(class_names=CLASSES, files=files, parent=parent.version, round_id=round_id)
        version = add_version(connection, new, [])
        registry.promote(connection, version.version, reason="better", actor="learner")
        return find_version(connection, version.version)

    return world.database.write(work)


def test_the_champion_itself_loses_and_wins_nothing(world: World, day_artifact: Artifact) -> None:
    comparison = evaluation(world).compare(as_served(day_artifact))
    golden = comparison.evidence.golden
    assert (golden.slice, len(golden), golden.num_lost, golden.num_won) == ("golden", 120, 0, 0)
    assert golden.champion_accuracy is not None
    assert golden.champion_accuracy > 0.8
    assert comparison.accuracy == {"golden-1": (golden.champion_accuracy, golden.champion_accuracy, 120)}
    assert (comparison.evidence.anchor, comparison.evidence.agreement) == (None, None)
    assert comparison.calibration is not None
    assert comparison.calibration.rise == 0
    assert (comparison.evidence.learnt, comparison.overuse) == ({}, None)


def test_the_champion_answers_each_image_once_in_its_life(world: World, day_artifact: Artifact) -> None:
    models, fencing = CountedModels(world), world.acquire_lease()
    candidate = as_served(day_artifact)
    first = evaluation(world, models, fencing=fencing)
    assert models.num_answered == [120]
    before = first.compare(candidate).evidence.golden
    again = evaluation(world, models, fencing=fencing)
    assert models.num_answered == [120, 120]
    assert np.array_equal(again.compare(candidate).evidence.golden.champion_right, before.champion_right)
    with world.database.read() as connection:
        assert len(connection.execute(select(held_out_answers)).all()) == 120


def test_a_class_that_a_candidate_never_answers_is_lost_on_golden(
    world: World, day_artifact: Artifact
) -> None:
    golden = evaluation(world).compare(as_served(forgetful(day_artifact, "red"))).evidence.golden
    red = golden.of_class(CLASSES.index("red"))
    assert red.candidate_accuracy == 0
    assert red.num_lost == golden.num_lost > 20


def test_answers_that_are_no_numbers_are_wrong_and_counted(world: World, day_artifact: Artifact) -> None:
    comparison = evaluation(world).compare(as_served(broken(day_artifact)))
    assert comparison.evidence.golden.num_not_finite == 120
    assert comparison.evidence.golden.candidate_accuracy == 0


def test_a_candidates_answers_are_those_that_it_would_give_as_a_version(
    world: World, day_artifact: Artifact
) -> None:
    fencing = world.acquire_lease()
    artifact = forgetful(day_artifact, "red")
    given = evaluation(world, fencing=fencing).compare(as_served(artifact)).answers
    version = add_learnt_version(world, artifact)
    evaluation(world, fencing=fencing)
    with world.database.read() as connection:
        stored = read_answers(connection, version.version, given)
    assert {sha256: answer.label_index for sha256, answer in stored.items()} == {
        sha256: answer.label_index for sha256, answer in given.items()
    }
    assert [stored[sha256].confidence for sha256 in given] == pytest.approx(
        [answer.confidence for answer in given.values()], abs=1e-5
    )


@pytest.mark.slow
def test_a_version_after_the_trained_one_is_compared_with_it_as_the_anchor(
    world: World, day_artifact: Artifact
) -> None:
    add_learnt_version(world, forgetful(day_artifact, "red"))
    anchor = evaluation(world).compare(as_served(forgetful(day_artifact, "red"))).evidence.anchor
    assert anchor is not None
    # The champion forgot the class before; against the anchor it is still seen.
    assert anchor.num_lost > 20
    with world.database.read() as connection:
        assert anchor_of(connection, world.production) == find_version(connection, "v1")


def test_a_champion_that_is_better_than_the_anchor_becomes_it(world: World, day_artifact: Artifact) -> None:
    fencing = world.acquire_lease()
    add_learnt_version(world, forgetful(day_artifact, "red"), round_id=None)
    add_learnt_version(world, day_artifact)
    comparison = evaluation(world, fencing=fencing).compare(as_served(day_artifact))
    assert comparison.evidence.anchor is None
    with world.database.read() as connection:
        anchor = anchor_of(connection, world.production)
    assert anchor is not None
    assert anchor.version == "v3"


@pytest.mark.slow
def test_an_anchor_without_files_is_no_obstacle_where_it_answered_before(
    world: World, day_artifact: Artifact
) -> None:
    fencing = world.acquire_lease()
    evaluation(world, fencing=fencing)
    add_learnt_version(world, day_artifact)
    models = CountedModels(world)
    evaluation(world, models, fencing=fencing)
    # Only the new champion had to answer.
    assert models.num_answered == [120]


def test_a_thin_class_that_lost_two_is_asked_on_learnt_images(world: World, day_artifact: Artifact) -> None:
    few = images_of(world)
    part = few.golden[0]
    red = [item for item in part.items if item.label == CLASSES.index("red")][:11]
    others = [item for item in part.items if item.label != CLASSES.index("red")]
    thin = replace(few, golden=(Part("golden-1", (*others, *red)),))
    learnt = evaluation(world, images=thin).compare(as_served(forgetful(day_artifact, "red"))).evidence.learnt
    assert list(learnt) == [CLASSES.index("red")]
    assert (len(learnt[2]), learnt[2].candidate_accuracy) == (30, 0)
    assert learnt[2].num_lost > 20


@pytest.mark.slow
def test_what_an_earlier_attempt_lost_is_asked_on_learnt_images_too(
    world: World, day_artifact: Artifact
) -> None:
    learnt = evaluation(world).compare(as_served(day_artifact), lost_before=[1]).evidence.learnt
    assert {label: (len(own), own.num_lost) for label, own in learnt.items()} == {1: (30, 0)}


@pytest.mark.slow
def test_a_champion_without_golden_images_is_compared_by_its_own_answers(
    world: World, day_artifact: Artifact
) -> None:
    part = images_of(world).golden[0]
    models = CountedModels(world)
    own = models.self_labelled([item.sha256 for item in part.items])
    images = OldImages(agreement=Part(AGREEMENT, tuple(own)))
    comparison = evaluation(world, models, images).compare(as_served(forgetful(day_artifact, "red")))
    agreement = comparison.evidence.agreement
    assert agreement is not None
    assert (agreement.slice, agreement.champion_accuracy) == (AGREEMENT, 1.0)
    assert agreement.num_lost == sum(item.label == CLASSES.index("red") for item in own)
    assert (len(comparison.evidence.golden), comparison.calibration, comparison.answers) == (0, None, {})


def test_no_verdict_reads_the_reserve(world: World, day_artifact: Artifact) -> None:
    part = images_of(world).golden[0]
    images = OldImages(golden=(Part("golden-1", part.items[:80]),), reserve=Part("reserve", part.items[80:]))
    fencing = world.acquire_lease()
    evaluated = evaluation(world, images=images, fencing=fencing)
    # All yellow images are in the reserve.
    comparison = evaluated.compare(as_served(forgetful(day_artifact, "yellow")))
    assert len(comparison.evidence.golden) == 80
    assert comparison.evidence.golden.num_lost == 0
    assert set(comparison.accuracy) == {"golden-1"}
    assert comparison.calibration is not None
    assert comparison.calibration.num_samples == 80
    assert comparison.overuse is not None
    assert comparison.overuse > 3
    assert len(comparison.answers) == 120
    evaluated.record_overuse(comparison, round_id=4)
    with world.database.read() as connection:
        [measured] = series(connection, METRIC)
    assert (measured.slice, measured.round_id, measured.num_samples) == ("golden-1", 4, 40)


def test_a_learner_that_lost_its_lease_stores_no_answer(world: World) -> None:
    fencing = world.acquire_lease()
    with pytest.raises(FencedError):
        evaluation(world, fencing=fencing - 1)
    with world.database.read() as connection:
        assert connection.execute(select(held_out_answers)).all() == []
