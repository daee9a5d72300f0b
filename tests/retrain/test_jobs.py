from typing import Any

from retrain.jobs import due_reason
from retrain.triggers import TriggerSettings
from store import registry, rounds, samples
from store.registry import NewVersion

CLASSES = ("blue", "green", "red", "yellow")
SETTINGS = TriggerSettings(threshold=20, max_backoff=80)


def _due(world: Any) -> str | None:
    with world.database.read() as connection:
        return due_reason(connection, SETTINGS)


def _reject(world: Any) -> None:
    round_id, fencing = world.begin()
    with world.database.read() as connection:
        taken = [(sample.id, sample.split, None) for sample in samples.pending(connection)]
    world.database.write(lambda c: rounds.take_samples(c, round_id, taken, fencing))
    for state in ("training", "evaluating", "rejected"):
        world.database.write(
            lambda c, state=state: rounds.advance(c, round_id, state, fencing=fencing, reason="worse")
        )


def test_the_same_samples_are_not_tried_again_on_the_champion_that_they_failed_to_better(
    small_world: Any,
) -> None:
    small_world.send(CLASSES, 40)
    assert _due(small_world) is not None
    _reject(small_world)
    assert _due(small_world) is None


def test_another_champion_is_tried_afresh(small_world: Any) -> None:
    small_world.send(CLASSES, 40)
    _reject(small_world)
    new = NewVersion(class_names=CLASSES, files=small_world.production.files, parent="v1")
    small_world.database.write(lambda c: registry.add_version(c, new, []))
    small_world.database.write(
        lambda c: registry.promote(c, "v2", reason="mine", actor="a person", expected="v1")
    )
    assert _due(small_world) is not None
