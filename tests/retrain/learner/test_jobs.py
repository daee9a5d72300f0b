import pytest
from sqlalchemy import update

from retrain.learner import jobs
from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.jobs import due_reason
from retrain.learner.triggers import TriggerSettings
from store import learning_state, registry
from store.classes.deciding import accept
from store.database.schema import samples as table
from store.rounds.log import record_samples
from store.samples.pending import pending_samples
from store.versions import NewVersion, add_version
from tests.retrain.trial_work import WaitingRound
from tests.retrain.world import World, picture

CLASSES = ("blue", "green", "red", "yellow")
SETTINGS = TriggerSettings(threshold=20, max_backoff=80)


pytestmark = pytest.mark.usefixtures("pool")


def _due(world: World) -> str | None:
    with world.database.read() as connection:
        return due_reason(connection, SETTINGS)


def _reject(world: World) -> None:
    round_id, fencing = world.begin()
    with world.database.read() as connection:
        roles = [(sample.id, sample.split, None) for sample in pending_samples(connection)]
    world.database.write(lambda c: record_samples(c, round_id, roles, fencing))
    world.advance(round_id, fencing, "training", "evaluating", "rejected")


def test_a_round_is_due_at_as_many_labels_as_the_threshold_says_whatever_they_are_used_for(
    small_world: World,
) -> None:
    small_world.send(CLASSES, 19)
    assert (_due(small_world), small_world.num_pending) == (None, 19)
    small_world.send(CLASSES, 1)
    assert (_due(small_world), small_world.num_pending) == ("20 new samples, 20 are enough", 20)


def test_samples_of_which_none_may_be_learnt_make_no_round_due(small_world: World) -> None:
    small_world.send(CLASSES, 40)
    # Among the forty some are judged on: as one group, all are.
    query = update(table).values(group="one burst")
    small_world.database.write(lambda c: c.execute(query) and None)
    assert (_due(small_world), small_world.num_pending) == (None, 40)


def test_the_same_samples_are_not_tried_again_on_the_champion_that_they_failed_to_better(
    small_world: World,
) -> None:
    small_world.send(CLASSES, 40)
    assert _due(small_world) is not None
    _reject(small_world)
    assert _due(small_world) is None


def test_what_the_next_round_waits_for_is_written_down_and_forgotten(small_world: World) -> None:
    def waits_for() -> str | None:
        fencing = small_world.acquire_lease()
        jobs.request_due_round(FencedDatabase(small_world.database, fencing), SETTINGS)
        with small_world.database.read() as connection:
            return learning_state.obstacle(connection)

    assert waits_for() is None
    small_world.send(CLASSES, 20)
    _reject(small_world)
    expected = "The next round begins at 40 new samples, since nothing was won by the last one."
    assert waits_for() == expected
    new = NewVersion(class_names=CLASSES, files=small_world.production.files, parent="v1")
    small_world.database.write(lambda c: add_version(c, new, []))
    small_world.database.write(lambda c: registry.promote(c, "v2", reason="mine", actor="a person"))
    assert waits_for() is None


def test_another_champion_is_tried_afresh(small_world: World) -> None:
    small_world.send(CLASSES, 40)
    _reject(small_world)
    new = NewVersion(class_names=CLASSES, files=small_world.production.files, parent="v1")
    small_world.database.write(lambda c: add_version(c, new, []))
    small_world.database.write(
        lambda c: registry.promote(c, "v2", reason="mine", actor="a person", expected="v1")
    )
    assert _due(small_world) is not None


def test_a_due_round_takes_the_place_of_one_that_waits_for_labels(small_world: World) -> None:
    small_world.send(CLASSES, 40)
    waiting = WaitingRound(small_world)
    with small_world.database.read() as connection:
        roles = [(sample.id, sample.split, None) for sample in pending_samples(connection)]
    small_world.database.write(lambda c: record_samples(c, waiting.round_id, roles, waiting.fencing))
    waiting.answer("red", 0)
    fenced = FencedDatabase(small_world.database, waiting.fencing)
    small_world.send(CLASSES, 19)
    assert jobs.request_due_round(fenced, SETTINGS) is None
    waiting.let_pass(3.1)
    small_world.send(CLASSES, 1)
    assert jobs.request_due_round(fenced, SETTINGS) is not None
    assert waiting.round.state == "inconclusive"
    assert "1 of 12 questions were answered" in str(waiting.round.reason)
    assert small_world.find_round(waiting.round_id + 1).state == "requested"


def test_no_round_is_due_while_one_waits_for_approval(small_world: World) -> None:
    small_world.send(CLASSES, 40)
    waiting = WaitingRound(small_world)
    waiting.answer("red", *range(10))
    waiting.let_pass(3.1)
    waiting.follow("ask")
    fenced = FencedDatabase(small_world.database, waiting.fencing)
    assert jobs.request_due_round(fenced, SETTINGS) is None
    assert waiting.round.state == "awaiting_approval"


def _send_purple(world: World, num: int) -> None:
    for number in range(num):
        world.add("purple", picture("purple", number), source=("ann", "ben")[number % 2], is_trusted=False)


def test_samples_of_an_accepted_class_make_a_round_due_and_those_of_others_do_not(small_world: World) -> None:
    _send_purple(small_world, 30)
    assert _due(small_world) is None
    small_world.database.write(lambda c: accept(c, "purple", "ada"))
    assert _due(small_world) == "30 new samples, 20 are enough"


def test_a_due_label_is_accepted_by_rule_and_learnt_once_enough_of_it_can_be_held_out(
    small_world: World,
) -> None:
    fenced = FencedDatabase(small_world.database, small_world.acquire_lease())
    _send_purple(small_world, 22)
    assert jobs.accept_new_classes(fenced) == ["purple"]
    assert jobs.accept_new_classes(fenced) == []
    # Eleven can be held out: nobody would decide on them.
    assert _due(small_world) is None
    for number in (22, 23):
        small_world.add("purple", picture("purple", number), source="ann", is_trusted=False)
    assert _due(small_world) == "24 new samples, 20 are enough"
