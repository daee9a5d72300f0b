from datetime import timedelta

from sqlalchemy import Connection

from retrain.learner.forecast import forecast, waiting_trial
from retrain.learner.triggers import Forecast, WaitingTrial
from store import registry
from store.alarms import end_alarm
from store.database.database import now
from store.evidence.pools import PoolImage, store_pool
from store.evidence.questions import TRIAL, ask
from store.evidence.trials import begin_trial, end_trial
from store.evidence.watches import current_watch, end_watch
from store.forgotten_images import DRAW
from store.rounds import rounds
from store.rounds.log import record_samples
from store.samples.pending import pending_samples
from store.versions import NewVersion, add_version
from tests.retrain.trial_work import WaitingRound
from tests.retrain.world import CLASSES, World, scene
from tests.store.alarm_work import raised


def read(world: World) -> Forecast:
    with world.database.read() as connection:
        return forecast(connection)


def test_without_new_samples_nothing_would_judge(small_world: World) -> None:
    assert read(small_world) == Forecast(0)


def test_held_out_images_that_trusted_keys_sent_would_judge_where_they_are_enough(small_world: World) -> None:
    small_world.send(CLASSES, 60, split="train")
    small_world.send(CLASSES, 74, split="holdout")
    assert read(small_world) == Forecast(0)
    small_world.send(CLASSES, 1, split="holdout")
    assert read(small_world) == Forecast(75)


def test_else_the_pool_would_judge_and_other_held_out_samples_are_unfair(small_world: World) -> None:
    small_world.send(CLASSES, 80, split="holdout", is_trusted=False)
    small_world.predict([scene(number) for number in range(30)])
    # A label on what was predicted is fair: its image is one of the pool.
    small_world.add("red", scene(0), origin="audit", source="ann", is_trusted=False)
    small_world.add("red", scene(1), source="ben", is_trusted=False)
    assert read(small_world) == Forecast(30, num_unfair=80)


def _trial(world: World, *, num_asked: int, num_answered: int) -> None:
    """Let a round ask, and end with so many answers."""
    contents = [scene(100_000 + world.sent + number) for number in range(num_asked)]
    world.sent += num_asked
    sha256s = world.predict(contents, held_out=False)
    pool = [PoolImage(sha256, n, True, "app", "blue", "red") for n, sha256 in enumerate(sha256s)]

    def begin(connection: Connection) -> int:
        round_id = rounds.request_round(connection, "tests", "for a test").id
        store_pool(connection, round_id, pool)
        ask(connection, sha256s, TRIAL)
        begin_trial(connection, round_id, num_asked, now(connection) + timedelta(days=14))
        return round_id

    round_id = world.database.write(begin)
    for content in contents[:num_answered]:
        world.add("red", content, origin="audit")
    world.database.write(lambda c: end_trial(c, round_id))
    world.database.write(lambda c: rounds.cancel(c, round_id, "tests"))


def test_trials_in_a_row_with_under_half_of_their_answers_are_counted(small_world: World) -> None:
    _trial(small_world, num_asked=4, num_answered=2)
    assert read(small_world).num_ignored_trials == 0
    _trial(small_world, num_asked=4, num_answered=1)
    assert read(small_world).num_ignored_trials == 1
    _trial(small_world, num_asked=4, num_answered=0)
    assert read(small_world).num_ignored_trials == 2


def test_twenty_answers_since_the_last_trial_show_that_somebody_cares_again(small_world: World) -> None:
    for _ in range(2):
        _trial(small_world, num_asked=2, num_answered=0)
    contents = [scene(number) for number in range(20)]
    drawn = small_world.predict(contents, held_out=False)
    small_world.database.write(lambda c: ask(c, drawn, DRAW))
    for content in contents[:19]:
        small_world.add("red", content, origin="audit")
    assert read(small_world).num_ignored_trials == 2
    small_world.add("red", contents[19], origin="audit")
    assert read(small_world).num_ignored_trials == 0


def test_after_a_roll_back_only_what_came_since_is_counted(small_world: World) -> None:
    def promote(connection: Connection) -> None:
        add_version(connection, NewVersion(CLASSES, {"weights": "b" * 64}, parent="v1"), [])
        registry.promote(connection, "v2", reason="passed", actor="learner")

    def roll_back(connection: Connection) -> None:
        watch = current_watch(connection)
        assert watch is not None
        end_watch(connection, watch.id, "rolled_back", "worse")
        registry.roll_back(connection, reason="worse", actor="watch", pauses=False)

    small_world.send(CLASSES, 5, split="train")
    small_world.database.write(promote)
    assert read(small_world).num_since_roll_back is None
    small_world.database.write(roll_back)
    assert read(small_world).num_since_roll_back == 0
    small_world.send(CLASSES, 3, split="train")
    assert read(small_world).num_since_roll_back == 3


def test_a_round_that_waits_may_be_replaced_after_three_days(small_world: World) -> None:
    small_world.send(CLASSES, 7, split="train")
    waiting = WaitingRound(small_world)
    with small_world.database.read() as connection:
        roles = [(sample.id, sample.split, None) for sample in pending_samples(connection)]
    small_world.database.write(lambda c: record_samples(c, waiting.round_id, roles, waiting.fencing))
    for days, may_be_replaced in ((2.9, False), (0.2, True)):
        waiting.let_pass(days)
        with small_world.database.read() as connection:
            assert waiting_trial(connection) == WaitingTrial(7, may_be_replaced)


def test_it_tells_when_the_first_alarm_was_raised_that_goes_on(small_world: World) -> None:
    assert read(small_world).alarm_raised is None
    first = raised(small_world.database)
    second = raised(small_world.database, "errors")
    assert read(small_world).alarm_raised == first.raised
    small_world.database.write(lambda c: end_alarm(c, first, "ended", "over", "learner"))
    assert read(small_world).alarm_raised == second.raised
