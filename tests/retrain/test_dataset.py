from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, update

from retrain.dataset import RoundSamples, collect, refuse_leakage
from retrain.errors import LeakageError
from store import registry, slices
from store.database.schema import samples as table
from store.samples import samples
from store.versions import NewVersion, add_version
from tests.retrain.world import World

CLASSES = ("blue", "green", "red", "yellow")


def _collect(world: World, replay_ratio: float = 1.0) -> RoundSamples:
    with world.database.read() as connection:
        return collect(connection, world.production, replay_ratio, np.random.default_rng(0))


def _give_day(world: World, picture: Any) -> None:
    """Promote a version that has seen twenty old samples, with a golden set of four."""
    old = [
        world.add(label, picture(label, number), origin="initial", split="train").sample_id
        for label in CLASSES
        for number in range(5)
    ]
    golden = [
        world.add(label, picture(label, 900), origin="initial", split="golden").sample_id for label in CLASSES
    ]

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files={"weights": "b" * 64}, parent="v1")
        add_version(connection, new, [(i, "train", None) for i in old])
        registry.promote(connection, "v2", reason="trained", actor="train")
        slices.add_slice(connection, "golden-1", 1, None, golden)

    world.database.write(work)


def test_new_and_replayed_samples_are_one_to_one_and_balanced(small_world: World, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(("red",), 14)
    samples = _collect(small_world)
    num_new = len(samples.new_training)
    labels = [sample.label for sample in samples.replayed]
    assert len(labels) == num_new
    assert max(map(labels.count, CLASSES)) - min(map(labels.count, CLASSES)) <= 1


def test_without_replay_nothing_old_is_learnt(small_world: World, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(("red",), 6)
    assert _collect(small_world, replay_ratio=0.0).replayed == ()


def test_what_is_judged_is_never_learnt(small_world: World, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(CLASSES, 40)
    samples = _collect(small_world)
    holdout_ids = {sample.id for part in (samples.new_holdout, *samples.slices.values()) for sample in part}
    assert len(samples.slices["golden-1"]) == 4
    assert holdout_ids.isdisjoint(sample_id for sample_id, _, _ in samples.roles())
    assert {role for _, role, _ in samples.holdout_roles()} == {"holdout"}


def test_an_image_on_both_sides_is_refused(small_world: World, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(CLASSES, 40)
    samples = _collect(small_world)
    leaking = replace(samples, new_training=(*samples.new_training, samples.new_holdout[0]))
    with pytest.raises(LeakageError, match=str(samples.new_holdout[0].id)):
        refuse_leakage(leaking)


def test_a_group_with_one_sample_to_judge_on_is_judged_on_as_a_whole(small_world: World) -> None:
    # A near-duplicate inherits its split, so one group may have samples on both sides.
    small_world.send(CLASSES, 40)
    holdout = _collect(small_world).new_holdout[0]
    training = _collect(small_world).new_training[0]
    ids = [holdout.id, training.id]
    query = update(table).where(table.c.id.in_(ids)).values(group="one burst")
    small_world.database.write(lambda c: c.execute(query) and None)
    samples = _collect(small_world)
    assert training.id not in {sample.id for sample in samples.new_training}
    assert {holdout.id, training.id} <= {sample.id for sample in samples.new_holdout}
    assert len(samples.roles()) + len(samples.holdout_roles()) == 40


def test_a_deleted_sample_is_in_no_later_round(small_world: World) -> None:
    small_world.send(CLASSES, 20)
    deleted = _collect(small_world).new_training[0].id
    small_world.database.write(lambda c: samples.delete_sample(c, deleted))
    assert deleted not in {sample_id for sample_id, _, _ in _collect(small_world).roles()}


def test_of_many_old_validation_samples_as_many_of_each_class_are_used(
    small_world: World, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrain.dataset._MAX_OLD_VALIDATION", 4)
    _give_day(small_world, picture)
    ids = [
        small_world.add(label, picture(label, 700 + number), origin="initial", split="validation").sample_id
        for label in CLASSES
        for number in range(3)
    ]

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files={"weights": "c" * 64}, parent="v2")
        add_version(connection, new, [(i, "validation", None) for i in ids])
        registry.promote(connection, "v3", reason="trained", actor="train")

    small_world.database.write(work)
    small_world.send(("red",), 6)
    old_validation = _collect(small_world).old_validation
    assert sorted(str(sample.label) for sample in old_validation) == sorted(CLASSES)


def test_from_five_sources_on_no_untrusted_one_gives_over_two_fifths_of_what_is_learnt(
    small_world: World,
) -> None:
    for source in ("ann", "ben", "cy", "dot"):
        small_world.send(CLASSES, 3, split="train", source=source, is_trusted=False)
    small_world.send(CLASSES, 40, split="train", source="loud", is_trusted=False)
    sources = [sample.source for sample in _collect(small_world).new_training]
    assert (len(sources), sources.count("loud")) == (20, 8)
    small_world.send(CLASSES, 40, split="train", source="owner", is_trusted=True)
    sources = [sample.source for sample in _collect(small_world).new_training]
    # What a trusted source sends is never too much, and others may give more beside it.
    assert (sources.count("owner"), sources.count("loud")) == (40, 34)
