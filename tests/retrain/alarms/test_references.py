from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from retrain.alarms.references import follow_production, freeze_where_full
from retrain.alarms.settings import AlarmJobSettings
from store import registry
from store.alarms import find_alarm
from store.database.schema import alias_moves
from store.drift_references import DriftReference, add_images, freeze, normal_images
from store.versions import NewVersion, add_version
from tests.retrain.alarms.served import in_force
from tests.retrain.world import CLASSES, World
from tests.store.alarm_work import drift_image, raised

FEW = AlarmJobSettings(min_normal=2, max_normal=4)


def followed(world: World) -> DriftReference:
    normal = follow_production(world.database)
    assert normal is not None
    assert normal.production == world.production
    return normal.reference


def promote(world: World) -> None:
    new = NewVersion(class_names=CLASSES, files={"weights": "b" * 64}, parent=world.production.version)
    made = world.database.write(lambda c: add_version(c, new, []))
    world.database.write(lambda c: registry.promote(c, made.version, reason="better", actor="tests"))


def roll_back(world: World) -> None:
    world.database.write(lambda c: registry.roll_back(c, reason="worse", actor="tests"))


def collect(world: World, *names: str) -> None:
    reference = in_force(world)
    images = [drift_image(name) for name in names]
    world.database.write(lambda c: add_images(c, reference, images, reference.read_until, keep=10))


def test_nothing_is_normal_before_there_is_a_version(make_world: Callable[[], World]) -> None:
    world = make_world()
    assert follow_production(world.database) is None


def test_what_is_normal_is_collected_for_production_and_stays_while_production_does(
    small_world: World,
) -> None:
    first = followed(small_world)
    assert (first.version, first.frozen) == ("v1", None)
    assert followed(small_world) == first


def test_it_is_collected_from_the_promotion_on_unless_that_is_long_ago(small_world: World) -> None:
    with small_world.database.read() as connection:
        promoted = registry.last_move(connection).created
    assert followed(small_world).begun == promoted
    promote(small_world)
    hour = timedelta(hours=1)
    with small_world.database.read() as connection:
        promoted = registry.last_move(connection).created
    small_world.database.write(
        lambda c: c.execute(update(alias_moves).values(created=promoted - hour)) and None
    )
    begun = followed(small_world).begun
    assert promoted - hour < begun < promoted


def test_after_a_promotion_it_is_collected_anew_and_alarms_end(small_world: World) -> None:
    first = followed(small_world)
    alarm = raised(small_world.database)
    promote(small_world)
    second = followed(small_world)
    assert (second.version, second.id > first.id, second.frozen) == ("v2", True, None)
    with small_world.database.read() as connection:
        ended = find_alarm(connection, alarm.id)
    assert (ended.state, ended.acted_by) == ("ended", "learner")
    assert ended.reason == "v2 became production: what is normal is collected anew."


def test_after_a_roll_back_what_was_normal_before_is_normal_again(small_world: World) -> None:
    first = followed(small_world)
    collect(small_world, "a", "b")
    small_world.database.write(lambda c: freeze(c, first))
    promote(small_world)
    followed(small_world)
    alarm = raised(small_world.database)
    roll_back(small_world)
    resumed = followed(small_world)
    assert (resumed.version, resumed.frozen is not None) == ("v1", True)
    with small_world.database.read() as connection:
        assert len(normal_images(connection, resumed.id)) == 2
        assert "compared with what was normal for it" in str(find_alarm(connection, alarm.id).reason)


def test_it_is_frozen_once_it_has_images_enough(small_world: World) -> None:
    followed(small_world)
    collect(small_world, "a", "b", "c")
    freeze_where_full(small_world.database, in_force(small_world), FEW)
    assert in_force(small_world).frozen is None
    collect(small_world, "d")
    freeze_where_full(small_world.database, in_force(small_world), FEW)
    assert in_force(small_world).frozen is not None


def test_where_images_come_slowly_fewer_are_enough_after_a_day(small_world: World) -> None:
    followed(small_world)
    at_once = replace(FEW, collecting=timedelta(0))
    collect(small_world, "a")
    freeze_where_full(small_world.database, in_force(small_world), at_once)
    assert in_force(small_world).frozen is None
    collect(small_world, "b")
    freeze_where_full(small_world.database, in_force(small_world), at_once)
    assert in_force(small_world).frozen is not None
