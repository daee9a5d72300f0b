from datetime import datetime
from functools import partial

import pytest

from store.alarms import (
    accept,
    acknowledge,
    end_alarm,
    find_alarm,
    num_alarms_open,
    num_alarms_raised,
    raise_alarm,
    read_alarms,
    shown_image,
    tell_again,
    unended_alarms,
)
from store.database.blob_references import unreferenced
from store.database.database import Database
from store.drift_references import add_images, normal_images
from store.errors import AlarmEndedError, UnknownAlarmError
from store.evidence.questions import TRIAL, WATCH, ask, open_questions
from store.forgotten_images import DRAW, expire_images
from store.predictions.predictions import delete_prediction
from tests.store.alarm_work import begun, drift_image, in_force, new_alarm, newest, raised
from tests.store.log_work import LEARNT, log, log_names, predicted, sha_of

pytestmark = pytest.mark.usefixtures("champion")


def asked(database: Database) -> list[str]:
    with database.read() as connection:
        return [question.sha256 for question in open_questions(connection, "ann", 100)]


def test_an_alarm_is_read_as_it_was_raised(database: Database) -> None:
    alarm = raised(database)
    new = new_alarm()
    assert (alarm.kind, alarm.state, alarm.since, alarm.ended) == ("looks", "open", new.since, None)
    assert (alarm.sentence, alarm.figures, alarm.classes) == (new.sentence, new.figures, ("bees", "ants"))
    assert [image.sha256 for image in alarm.images] == [sha_of("night 1"), sha_of("night 2")]
    assert alarm.images[0].nearest_sha256 == sha_of("night 1, by day")
    assert newest(database) == alarm


def test_one_alarm_of_each_kind_goes_on_at_most(database: Database) -> None:
    first = raised(database)
    assert database.write(lambda c: raise_alarm(c, new_alarm())) is None
    raised(database, "errors", names=())
    database.write(lambda c: acknowledge(c, first.id, "seen", "ann"))
    assert database.write(lambda c: raise_alarm(c, new_alarm())) is None
    with database.read() as connection:
        assert [alarm.kind for alarm in unended_alarms(connection)] == ["errors", "looks"]
        assert num_alarms_open(connection) == {"class_mix": 0, "errors": 1, "looks": 0}
        assert num_alarms_raised(connection) == {"class_mix": 0, "errors": 1, "looks": 1}


def test_an_alarm_is_told_again_with_other_images_and_asks_for_their_labels(database: Database) -> None:
    log_names(database, ["night 1", "night 2", "night 3"])
    alarm = raised(database)
    assert set(asked(database)) >= {sha_of("night 1"), sha_of("night 2")}
    better = new_alarm("class_mix", names=("night 2", "night 3"), sentence="Other classes come.")

    assert database.write(lambda c: tell_again(c, alarm.id, better))

    told = newest(database)
    assert (told.id, told.raised, told.kind) == (alarm.id, alarm.raised, "class_mix")
    assert told.sentence == "Other classes come."
    assert [image.sha256 for image in told.images] == [sha_of("night 2"), sha_of("night 3")]
    assert sha_of("night 1") not in asked(database)
    assert set(asked(database)) >= {sha_of("night 2"), sha_of("night 3")}


def test_an_alarm_that_ended_or_whose_kind_goes_on_already_is_not_told_again(database: Database) -> None:
    first, second = raised(database), raised(database, "class_mix", names=())
    assert not database.write(lambda c: tell_again(c, second.id, new_alarm("looks")))
    database.write(lambda c: end_alarm(c, first, "ended", "v2 became production", "learner"))
    assert not database.write(lambda c: tell_again(c, first.id, new_alarm("looks")))
    assert newest(database).kind == "class_mix"


def test_a_kind_is_raised_again_after_its_alarm_ended(database: Database) -> None:
    first = raised(database)
    database.write(lambda c: end_alarm(c, first, "ended", "v2 became production", "learner"))
    again = raised(database)
    assert again.id == first.id + 1
    with database.read() as connection:
        ended = find_alarm(connection, first.id)
    assert (ended.state, ended.acted_by, ended.reason) == ("ended", "learner", "v2 became production")
    assert ended.ended == ended.acted
    assert ended.ended is not None


def test_the_labels_of_its_images_are_asked_for_before_draws_and_after_trials_and_watches(
    database: Database,
) -> None:
    for name, priority in (("draw", DRAW), ("watch", WATCH), ("trial", TRIAL)):
        database.write(partial(ask, sha256s=[sha_of(name)], priority=priority))
    alarm = raised(database, names=["night"])
    assert asked(database) == [sha_of(name) for name in ("trial", "watch", "night", "draw")]
    database.write(lambda c: end_alarm(c, alarm, "ended", "over", "learner"))
    assert asked(database) == [sha_of(name) for name in ("trial", "watch", "draw")]


def test_its_images_outlive_their_predictions_until_it_ends(database: Database) -> None:
    shas = [sha_of("night"), sha_of("night, by day")]
    alarm = raised(database, names=["night"])

    def expire() -> list[str]:
        database.write(lambda c: expire_images(c, shas))
        with database.read() as connection:
            return unreferenced(connection, shas)

    assert expire() == []
    database.write(lambda c: acknowledge(c, alarm.id, "seen", "ann"))
    assert expire() == []
    database.write(lambda c: end_alarm(c, alarm, "ended", "over", "learner"))
    assert expire() == shas


def test_acknowledging_tells_who_and_why_and_lets_it_go_on(database: Database) -> None:
    alarm = raised(database)
    begun(database)
    seen = database.write(lambda c: acknowledge(c, alarm.id, "the lamp is broken", "ann"))
    assert (seen.state, seen.acted_by, seen.reason, seen.ended) == (
        "acknowledged",
        "ann",
        "the lamp is broken",
        None,
    )
    assert isinstance(seen.acted, datetime)
    assert set(asked(database)) == {sha_of("night 1"), sha_of("night 2")}


def test_accepting_makes_what_comes_from_now_on_normal(database: Database) -> None:
    before = begun(database)
    looks, mix, errors = (raised(database, kind, names=()) for kind in ("looks", "class_mix", "errors"))
    accepted = database.write(lambda c: accept(c, looks.id, "night shift", "ann"))
    assert (accepted.state, accepted.reason) == ("accepted", "night shift")
    assert accepted.ended is not None
    with database.read() as connection:
        assert find_alarm(connection, mix.id).state == "accepted"
        assert find_alarm(connection, errors.id).state == "open"
    after = in_force(database)
    assert (after.id, after.version, after.frozen) == (before.id + 1, "v1", None)
    assert after.begun > before.begun


def test_what_has_ended_is_left_as_it_is(database: Database) -> None:
    alarm = raised(database)
    reference = begun(database)
    database.write(lambda c: end_alarm(c, alarm, "ended", "over", "learner"))
    with pytest.raises(AlarmEndedError, match="is ended since"):
        database.write(lambda c: accept(c, alarm.id, "late", "ann"))
    with pytest.raises(AlarmEndedError):
        database.write(lambda c: acknowledge(c, alarm.id, "late", "ann"))
    assert newest(database).reason == "over"
    assert in_force(database) == reference


def test_an_unknown_number_is_told(database: Database) -> None:
    with database.read() as connection, pytest.raises(UnknownAlarmError, match="found 7"):
        find_alarm(connection, 7)


def test_it_shows_its_images_and_the_normal_ones_beside_them_and_no_others(database: Database) -> None:
    alarm = raised(database, names=["night"])
    with database.read() as connection:
        for name in ("night", "night, by day"):
            assert shown_image(connection, alarm.id, sha_of(name)) == sha_of(name)
        with pytest.raises(UnknownAlarmError, match="alarm 1 shows"):
            shown_image(connection, alarm.id, sha_of("day"))


def test_alarms_are_paged_newest_first(database: Database) -> None:
    for _ in range(3):
        alarm = raised(database)
        database.write(partial(end_alarm, alarm=alarm, state="ended", reason="over", by="learner"))
    with database.read() as connection:
        assert [alarm.id for alarm in read_alarms(connection, 2)] == [3, 2]
        assert [alarm.id for alarm in read_alarms(connection, 2, before=2)] == [1]


def test_an_image_that_a_person_deletes_leaves_its_alarm_and_what_is_normal(database: Database) -> None:
    logged = [predicted("night"), predicted("night, by day")]
    log(database, logged, LEARNT)
    raised(database, names=["night", "dusk"])
    reference = begun(database)
    images = [drift_image("night, by day"), drift_image("noon")]
    database.write(lambda c: add_images(c, reference, images, reference.read_until, keep=10))
    for row in logged:
        database.write(partial(delete_prediction, prediction_id=row.id))
    alarm = newest(database)
    assert [image.sha256 for image in alarm.images] == [sha_of("dusk")]
    with database.read() as connection:
        assert [each.sha256 for each in normal_images(connection, reference.id)] == [sha_of("noon")]
