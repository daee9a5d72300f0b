"""A round learns a class that production does not know, and a roll-back takes it away again."""

from sqlalchemy import func, select

from retrain.settings import RoundSettings
from store import registry, slices
from store.classes.deciding import accept
from store.classes.learning import num_to_learn
from store.classes.unknown_labels import unknown_labels
from store.database.schema import samples as samples_table
from store.rounds import rounds
from store.rounds.records import Round
from store.samples.pending import num_by_label
from store.versions import Version, find_version
from tests.retrain.world import CLASSES, World, picture


def send_purple(world: World, num: int, start: int = 0) -> None:
    for number in range(start, start + num):
        source = ("ann", "ben")[number % 2]
        assert (
            world.add("purple", picture("purple", number), source=source, is_trusted=False).status
            == "quarantined"
        )


def learn_purple(world: World, num: int = 60) -> Round:
    send_purple(world, num)
    world.database.write(lambda c: accept(c, "purple", "ada"))
    return world.run()


def states(world: World) -> dict[str, int]:
    """Return state → how many samples were called purple."""
    with world.database.read() as connection:
        rows = connection.execute(
            select(samples_table.c.state, func.count())
            .where(samples_table.c.source.in_(("ann", "ben")))
            .group_by(samples_table.c.state)
        )
        return {state: int(num) for state, num in rows}


def test_a_round_learns_an_accepted_class_and_keeps_lineage_and_slices(world: World) -> None:
    ended = learn_purple(world)
    assert ended.state == "promoted", ended.reason
    assert "purple" in str(ended.reason)
    grown, before = world.production, find(world, "v1")
    assert grown.class_names == (*CLASSES, "purple")
    assert (grown.lineage, grown.margin) == (before.lineage, before.margin)
    assert states(world) == {"accepted": 60}
    assert world.num_pending == 0
    with world.database.read() as connection:
        assert slices.slice_names(connection, 1, "v2") == ["golden-1", f"round-{ended.id}"]
        held_out = slices.slice_samples(connection, f"round-{ended.id}")
        assert num_by_label(connection)["purple"] == 60
    assert {sample.label for sample in held_out} == {"purple"}
    assert len(held_out) == 20
    assert ended.verdict is not None
    [check] = [check for check in ended.verdict["checks"] if check["name"] == "new_classes"]
    assert check["passed"] is True
    assert check["numbers"]["num_old"] == 120


def find(world: World, version: str) -> Version:
    with world.database.read() as connection:
        return find_version(connection, version)


def test_a_roll_back_returns_its_samples_to_quarantine_and_a_later_round_learns_them_again(
    world: World,
) -> None:
    learn_purple(world)
    world.database.write(lambda c: registry.roll_back(c, reason="worse", actor="ada", pauses=False))
    assert world.production.version == "v1"
    assert states(world) == {"quarantined": 60}
    with world.database.read() as connection:
        assert slices.slice_names(connection, 1, "v1") == ["golden-1"]
        assert [label.name for label in unknown_labels(connection)] == ["purple"]
        assert num_to_learn(connection) == (60, 20)
    again = world.run()
    assert again.state == "promoted", again.reason
    assert world.production.class_names == (*CLASSES, "purple")
    assert states(world) == {"accepted": 60}


def test_a_class_with_few_samples_waits_for_a_person_to_approve_it(world: World) -> None:
    ended = learn_purple(world, 20)
    assert ended.state == "awaiting_approval", ended.reason
    assert "purple (10 held out, accepted by ada)" in str(ended.reason)
    world.database.write(lambda c: rounds.approve(c, ended.id, "ada"))
    assert world.production.class_names == (*CLASSES, "purple")


def test_a_label_that_nobody_accepted_is_not_learnt(world: World) -> None:
    send_purple(world, 40)
    ended = world.run()
    assert ended.state == "inconclusive"
    assert states(world) == {"quarantined": 40}


def test_a_round_that_fails_keeps_what_was_held_out(world: World, without_replay: RoundSettings) -> None:
    send_purple(world, 60)
    world.database.write(lambda c: accept(c, "purple", "ada"))
    ended = world.run(without_replay)
    assert ended.state == "rejected", ended.reason
    assert states(world) == {"quarantined": 60}
    with world.database.read() as connection:
        assert num_to_learn(connection) == (60, 20)
