"""Labels of draws come through the store, and more wrong answers raise an alarm."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from retrain.alarms.errors import ErrorWatcher
from retrain.alarms.references import follow_production
from retrain.alarms.settings import AlarmJobSettings
from store.alarms import Alarm, accept, read_alarms
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from tests.retrain.alarms.test_references import promote
from tests.retrain.world import CLASSES, World
from tests.store.log_work import LEARNT, far_hash, log, predicted, sha_of

SETTINGS = AlarmJobSettings()
# One of ten is wrong.
USUAL = ([False] + [True] * 9) * 20


def draw(world: World, answers: Sequence[bool], predicted_label: str = "blue") -> list[str]:
    """Let draws be answered and labelled; return the SHA-256s of those whose answer is wrong."""
    names = [f"draw {world.sent + number}" for number in range(len(answers))]
    world.sent += len(names)
    version = world.production.version
    logged = [replace(predicted(name, label=predicted_label), version=version) for name in names]
    log(world.database, logged, LEARNT)
    new = [
        NewSample(
            sha256=row.sha256,
            phash=far_hash(name),
            origin="audit",
            source="ann",
            label=predicted_label if is_right else "red",
            prediction_id=row.id,
            predicted_label=predicted_label,
        )
        for name, row, is_right in zip(names, logged, answers, strict=True)
    ]
    world.database.write(lambda c: [add_sample(c, each, CLASSES, LEARNT) for each in new] and None)
    return [sha_of(name) for name, is_right in zip(names, answers, strict=True) if not is_right]


def alarms(world: World) -> list[Alarm]:
    with world.database.read() as connection:
        return read_alarms(connection)


@pytest.fixture
def watcher(small_world: World) -> ErrorWatcher:
    """A watcher that knows that one answer of ten is wrong."""
    follow_production(small_world.database)
    watcher = ErrorWatcher(SETTINGS)
    draw(small_world, USUAL)
    watcher.look(small_world.database)
    return watcher


def test_as_many_errors_as_ever_raise_no_alarm(small_world: World, watcher: ErrorWatcher) -> None:
    draw(small_world, USUAL)
    watcher.look(small_world.database)
    assert alarms(small_world) == []


def test_more_errors_raise_an_alarm_with_the_rates_and_the_images(
    small_world: World, watcher: ErrorWatcher
) -> None:
    wrong = draw(small_world, [False, True] * 40)
    watcher.look(small_world.database)
    [alarm] = alarms(small_world)
    assert (alarm.kind, alarm.state) == ("errors", "open")
    assert "more answers" in alarm.sentence
    assert alarm.figures["error_rate"] == pytest.approx(0.5, abs=0.1)
    assert alarm.figures["usual_error_rate"] == pytest.approx(0.1, abs=0.03)
    assert "50 % of 80 labelled draws, 10 % before." in alarm.sentence
    assert alarm.classes == ("blue",)
    assert {image.sha256 for image in alarm.images} == set(wrong[-20:])
    assert {image.nearest_sha256 for image in alarm.images} == {None}


def test_errors_of_one_class_are_told_with_its_name(small_world: World) -> None:
    follow_production(small_world.database)
    watcher = ErrorWatcher(replace(SETTINGS, num_usual_draws=400))
    draw(small_world, USUAL)
    draw(small_world, USUAL, "yellow")
    for _ in range(15):
        draw(small_world, [True] * 12)
        draw(small_world, [False, False, True], "yellow")
    watcher.look(small_world.database)
    [alarm] = alarms(small_world)
    assert "answers 'yellow' are wrong" in alarm.sentence
    assert alarm.classes == ("yellow",)


def test_until_so_many_are_labelled_nothing_is_usual(small_world: World) -> None:
    follow_production(small_world.database)
    watcher = ErrorWatcher(SETTINGS)
    draw(small_world, [False] * 199)
    watcher.look(small_world.database)
    assert alarms(small_world) == []


def test_after_a_restart_the_draws_are_counted_again(small_world: World, watcher: ErrorWatcher) -> None:
    draw(small_world, [False, True] * 40)
    ErrorWatcher(SETTINGS).look(small_world.database)
    assert [alarm.kind for alarm in alarms(small_world)] == ["errors"]


def test_what_a_person_accepts_is_usual_from_then_on(small_world: World, watcher: ErrorWatcher) -> None:
    draw(small_world, [False, True] * 40)
    watcher.look(small_world.database)
    [alarm] = alarms(small_world)
    small_world.database.write(lambda c: accept(c, alarm.id, "harder images", "ann"))
    draw(small_world, [False, True] * 80)
    watcher.look(small_world.database)
    assert [each.state for each in alarms(small_world)] == ["accepted"]


def test_labels_of_an_earlier_versions_answers_tell_nothing(
    small_world: World, watcher: ErrorWatcher
) -> None:
    promote(small_world)
    watcher.look(small_world.database)
    draw(small_world, USUAL)
    draw(small_world, USUAL)
    watcher.look(small_world.database)
    assert alarms(small_world) == []
