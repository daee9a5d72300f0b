from retrain.learner.jobs import due_reason
from retrain.learner.triggers import TriggerSettings
from store import registry
from store.rounds.log import record_samples
from store.samples.pending import pending_samples
from store.versions import NewVersion, add_version
from tests.retrain.world import World

CLASSES = ("blue", "green", "red", "yellow")
SETTINGS = TriggerSettings(threshold=20, max_backoff=80)


def _due(world: World) -> str | None:
    with world.database.read() as connection:
        return due_reason(connection, SETTINGS)


def _reject(world: World) -> None:
    round_id, fencing = world.begin()
    with world.database.read() as connection:
        roles = [(sample.id, sample.split, None) for sample in pending_samples(connection)]
    world.database.write(lambda c: record_samples(c, round_id, roles, fencing))
    world.advance(round_id, fencing, "training", "evaluating", "rejected")


def test_the_same_samples_are_not_tried_again_on_the_champion_that_they_failed_to_better(
    small_world: World,
) -> None:
    small_world.send(CLASSES, 40)
    assert _due(small_world) is not None
    _reject(small_world)
    assert _due(small_world) is None


def test_another_champion_is_tried_afresh(small_world: World) -> None:
    small_world.send(CLASSES, 40)
    _reject(small_world)
    new = NewVersion(class_names=CLASSES, files=small_world.production.files, parent="v1")
    small_world.database.write(lambda c: add_version(c, new, []))
    small_world.database.write(
        lambda c: registry.promote(c, "v2", reason="mine", actor="a person", expected="v1")
    )
    assert _due(small_world) is not None
