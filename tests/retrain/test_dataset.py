from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, update

from retrain.dataset import Cuts, collect, refuse_leakage
from retrain.errors import LeakageError
from store import registry, samples, slices
from store.registry import NewVersion
from store.schema import samples as table

CLASSES = ("blue", "green", "red", "yellow")


def _collect(world: Any, replay_ratio: float = 1.0) -> Cuts:
    with world.database.read() as connection:
        return collect(connection, world.production, replay_ratio, np.random.default_rng(0))


def _give_day(world: Any, picture: Any) -> None:
    """Let the production version have seen twenty old samples, and judge by four golden ones."""
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
        registry.add_version(connection, new, [(i, "train", None) for i in old])
        registry.promote(connection, "v2", reason="trained", actor="train")
        slices.add_slice(connection, "golden-1", 1, None, golden)

    world.database.write(work)


def test_new_and_replayed_samples_are_one_to_one_and_balanced(small_world: Any, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(("red",), 14)
    cuts = _collect(small_world)
    num_new = len(cuts.new_training)
    labels = [sample.label for sample in cuts.replayed]
    assert len(labels) == num_new
    assert max(map(labels.count, CLASSES)) - min(map(labels.count, CLASSES)) <= 1


def test_without_replay_nothing_old_is_learnt(small_world: Any, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(("red",), 6)
    assert _collect(small_world, replay_ratio=0.0).replayed == ()


def test_what_is_judged_is_never_learnt(small_world: Any, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(CLASSES, 40)
    cuts = _collect(small_world)
    judged = {sample.id for part in (cuts.new_holdout, *cuts.slices.values()) for sample in part}
    roles = {sample_id: role for sample_id, role, _ in cuts.taken()}
    assert len(cuts.slices["golden-1"]) == 4
    assert {role for sample_id, role in roles.items() if sample_id in judged} == {"holdout"}


def test_an_image_on_both_sides_is_refused(small_world: Any, picture: Any) -> None:
    _give_day(small_world, picture)
    small_world.send(CLASSES, 40)
    cuts = _collect(small_world)
    leaking = replace(cuts, new_training=(*cuts.new_training, cuts.new_holdout[0]))
    with pytest.raises(LeakageError, match=str(cuts.new_holdout[0].id)):
        refuse_leakage(leaking)


def test_a_group_that_is_judged_is_not_learnt(small_world: Any) -> None:
    # A near-duplicate inherits its split, so that a group may come to stand on both sides.
    small_world.send(CLASSES, 40)
    judged = _collect(small_world).new_holdout[0]
    learnt = _collect(small_world).new_training[0]
    for sample in (judged, learnt):
        query = update(table).where(table.c.id == sample.id).values(group="one burst")
        small_world.database.write(lambda c, query=query: c.execute(query) and None)
    cuts = _collect(small_world)
    assert learnt.id not in {sample.id for sample in cuts.new_training}
    assert judged.id in {sample.id for sample in cuts.new_holdout}


def test_a_deleted_sample_is_not_taken_again(small_world: Any) -> None:
    small_world.send(CLASSES, 20)
    gone = _collect(small_world).new_training[0].id
    small_world.database.write(lambda c: samples.delete_sample(c, gone))
    assert gone not in {sample_id for sample_id, _, _ in _collect(small_world).taken()}


def test_of_many_old_validation_samples_as_many_of_each_class_are_asked(
    small_world: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrain.dataset._MAX_OLD_VALIDATION", 4)
    _give_day(small_world, picture)
    kept = [
        small_world.add(label, picture(label, 700 + number), origin="initial", split="validation").sample_id
        for label in CLASSES
        for number in range(3)
    ]

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files={"weights": "c" * 64}, parent="v2")
        registry.add_version(connection, new, [(i, "validation", None) for i in kept])
        registry.promote(connection, "v3", reason="trained", actor="train")

    small_world.database.write(work)
    small_world.send(("red",), 6)
    chosen_on = _collect(small_world).old_validation
    assert sorted(str(sample.label) for sample in chosen_on) == sorted(CLASSES)
