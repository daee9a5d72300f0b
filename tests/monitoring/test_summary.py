import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from monitoring import summary
from monitoring.answers.status import Learner, TrialProgress
from store import registry
from store.database.database import Database
from store.errors import UnknownRoundError, UnknownVersionError
from store.evidence.pools import PoolImage, store_pool
from store.evidence.trials import begin_trial
from store.learning_state import pause
from store.leases import current_lease
from store.rounds import rounds
from store.rounds.training_progress import TrainingProgress, report
from store.versions import NewVersion, add_version
from vision.training.diagnosis import ADVICE


def test_status_of_an_empty_store_is_complete(database: Database) -> None:
    with database.read() as connection:
        status = summary.status(connection, 500)
    assert status.model_dump() == {
        "production": None,
        "is_starter": False,
        "description": None,
        "device": None,
        "classes": [],
        "num_pending": 0,
        "num_conflicts": 0,
        "num_disputes": 0,
        "num_quarantined": 0,
        "num_unknown_labels": 0,
        "threshold": 500,
        "waits_for": None,
        "round": None,
        "workers": [],
        "paused": None,
        "learner": {"is_alive": False, "holder": None},
        "watch": None,
        "num_alarms": 0,
        "num_questions": 0,
        "trial": None,
    }


def test_status_shows_what_serves_what_waits_and_the_round_with_its_step(filled: Database) -> None:
    with filled.read() as connection:
        status = summary.status(connection, 500)
    assert status.production == "v3"
    assert status.num_pending == 320
    assert status.device == "cuda:0 (NVIDIA H100)"
    assert status.learner == Learner(is_alive=True, holder="learner-1")
    assert [worker.version for worker in status.workers] == ["v3", "v3"]
    assert status.round is not None
    assert (status.round.id, status.round.state, status.round.step) == (4, "training", "epoch")


def test_status_says_when_a_starter_serves(database: Database) -> None:
    def work(connection: Connection) -> None:
        new = NewVersion(
            ("0", "1"), {"weights.safetensors": "a" * 64}, {"description": "scanned digits"}, is_starter=True
        )
        registry.promote(connection, add_version(connection, new, []).version, reason="starter", actor="test")

    database.write(work)
    with database.read() as connection:
        status = summary.status(connection, 500)
    assert status.is_starter
    assert status.description == "scanned digits"


def test_status_leaves_out_workers_not_heard_of(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE workers SET seen = '2020-01-01 00:00:00.000000'")))
    with filled.read() as connection:
        assert summary.status(connection, 500).workers == []


def test_status_of_a_lapsed_lease_has_no_learner(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE lease SET expires = '2020-01-01 00:00:00.000000'")))
    with filled.read() as connection:
        assert not summary.status(connection, 500).learner.is_alive


def test_models_are_newest_first_with_the_reason_that_each_was_promoted_for(filled: Database) -> None:
    with filled.read() as connection:
        models = summary.models(connection).models
    assert [(model.version, model.is_production) for model in models] == [
        ("v3", True), ("v2", False), ("v1", False),
    ]  # fmt: skip
    assert models[0].promotion is not None
    assert models[0].promotion.reason == "Round 3 passed the gate."
    assert models[0].metrics == {"validation_accuracy": 0.941}
    assert models[1].num_deleted_samples == 1


def test_models_and_rounds_go_on_before_the_last_one_shown(filled: Database) -> None:
    with filled.read() as connection:
        assert [model.version for model in summary.models(connection, limit=1, before=3).models] == ["v2"]
        assert [one.id for one in summary.rounds(connection, limit=2, before=4).rounds] == [3, 2]


def test_one_model_has_its_classes(filled: Database) -> None:
    with filled.read() as connection:
        model = summary.model(connection, "v2")
    assert model.version == "v2"
    assert not model.is_production
    assert model.classes[0] == "ants"


def test_curves_are_those_of_the_training_or_the_round_with_advice_and_no_metric(filled: Database) -> None:
    with filled.read() as connection:
        trained, learnt = summary.model(connection, "v1"), summary.model(connection, "v2")
        of_round = summary.round_detail(connection, 1)
    assert "curves" not in trained.metrics
    assert trained.curves is not None
    assert trained.curves == learnt.curves == of_round.curves
    assert (trained.curves["diagnosis"], len(trained.curves["epochs"])) == ("overfitting", 3)
    assert trained.curves["advice"] == ADVICE["overfitting"]


def test_an_unknown_model_or_round_is_the_stores_error(filled: Database) -> None:
    with filled.read() as connection:
        with pytest.raises(UnknownVersionError):
            summary.model(connection, "v99")
        with pytest.raises(UnknownRoundError):
            summary.round_detail(connection, 99)


def test_rounds_are_newest_first_with_their_verdict_in_a_sentence(filled: Database) -> None:
    with filled.read() as connection:
        recent = summary.rounds(connection).rounds
    assert [(one.id, one.state) for one in recent] == [
        (4, "training"), (3, "promoted"), (2, "rejected"), (1, "promoted"),
    ]  # fmt: skip
    assert recent[2].sentence == "Rejected: class bees (92 → 61 %) lost."
    assert recent[1].candidate == "v3"
    assert recent[0].ended is None


def test_one_round_has_its_steps_attempts_and_verdict(filled: Database) -> None:
    filled.write(
        lambda c: c.execute(text("INSERT INTO round_samples VALUES (2, 1, 'train', 1), (2, 2, 'train', 2)"))
    )
    with filled.read() as connection:
        detail = summary.round_detail(connection, 2)
    assert [step.step for step in detail.steps] == ["preparing", "training", "epoch"]
    assert [attempt.cure for attempt in detail.attempts] == ["fine_tune", "half_blend"]
    assert detail.verdict is not None
    assert detail.verdict["lost_classes"] == ["bees"]
    assert detail.num_samples == {"train": 2}


def test_a_round_that_trains_shows_how_far_it_is_and_its_curves_so_far(filled: Database) -> None:
    progress = TrainingProgress(4, epoch=2, num_epochs=3, num_steps_done=45, num_steps=90, seconds_left=80.0)
    with filled.read() as connection:
        lease = current_lease(connection)
        assert lease is not None
        assert summary.round_detail(connection, 4).training is None
    filled.write(lambda c: report(c, progress, lease.fencing))
    with filled.read() as connection:
        status, detail = summary.status(connection, 500), summary.round_detail(connection, 4)
        ended = summary.round_detail(connection, 3)
    assert status.round is not None
    assert status.round.training == detail.training
    assert detail.training is not None
    assert (detail.training.epoch, detail.training.num_steps_done, detail.training.seconds_left) == (
        2,
        45,
        80,
    )
    assert detail.curves is not None
    [epoch] = [step.detail for step in detail.steps if step.step == "epoch"]
    assert detail.curves["epochs"] == [epoch]
    assert ended.training is None


def test_drift_is_newest_first_beside_what_chance_gives(filled: Database) -> None:
    with filled.read() as connection:
        drift = summary.drift(connection, limit=3)
    assert drift.production == "v3"
    assert len(drift.points) == 3
    assert drift.points[0].created > drift.points[1].created
    assert drift.points[0].null_95 == pytest.approx(0.0041, abs=1e-3)


@pytest.mark.parametrize("name", ["reference.safetensors", "weights.safetensors"])
def test_drift_says_whether_production_has_anything_to_compare_with(filled: Database, name: str) -> None:
    def promote(connection: Connection) -> None:
        new = NewVersion(class_names=("ants", "bees"), files={name: "a" * 64})
        version = add_version(connection, new, []).version
        registry.promote(connection, version, reason="a test", actor="tests", force=True)

    filled.write(promote)
    with filled.read() as connection:
        assert summary.drift(connection).has_reference == (name == "reference.safetensors")


def test_forgetting_is_a_matrix_with_intervals(filled: Database) -> None:
    with filled.read() as connection:
        forgetting = summary.forgetting(connection)
    assert forgetting.versions == ["v1", "v2", "v3"]
    [cell] = [cell for cell in forgetting.cells if (cell.version, cell.slice) == ("v3", "round-3")]
    assert cell.low < cell.accuracy == 0.79 < cell.high


def test_a_trial_is_shown_with_what_is_asked_answered_and_needed(filled: Database) -> None:
    ends = datetime(2026, 12, 14, tzinfo=UTC)

    def work(connection: Connection) -> None:
        asked = [PoolImage(f"{number:064x}", number, True, "ada", "ants", "bees") for number in range(2)]
        store_pool(connection, 4, asked)
        begin_trial(connection, 4, 41, ends)
        needed = json.dumps({"labels_needed": {"wins": 9, "open": 41}})
        connection.execute(text("UPDATE rounds SET verdict = :verdict WHERE id = 4"), {"verdict": needed})

    filled.write(work)
    with filled.read() as connection:
        trial = summary.status(connection, 500).trial
    assert trial == TrialProgress(round=4, asked=41, answered=39, needed=9, ends=ends)


def test_every_answer_is_json_with_times_in_utc(filled: Database) -> None:
    with filled.read() as connection:
        answers = [
            summary.status(connection, 500),
            summary.models(connection),
            summary.model(connection, "v3"),
            summary.rounds(connection),
            summary.round_detail(connection, 3),
            summary.drift(connection),
            summary.forgetting(connection),
        ]
    shown = [answer.model_dump(mode="json") for answer in answers]
    assert [json.loads(answer.model_dump_json()) for answer in answers] == shown
    times = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]+)"', json.dumps(shown, allow_nan=False))
    assert len(times) > 40
    assert all(time.endswith("+00:00") for time in times)


def test_a_verdict_and_curves_are_shown_as_another_release_stored_them(filled: Database) -> None:
    verdict = {
        "decision": "passed",
        "checks": [{"name": "new", "passed": True, "numbers": {"p": 1}}],
        "mood": 1,
    }
    curves = {"epochs": [{"epoch": 1, "training_loss": 0.5, "watts": 7}]}

    def store(connection: Connection) -> None:
        changed = {"verdict": json.dumps(verdict), "curves": json.dumps(curves)}
        connection.execute(
            text("UPDATE rounds SET verdict = :verdict, curves = :curves WHERE id = 3"), changed
        )

    filled.write(store)
    with filled.read() as connection:
        shown = summary.round_detail(connection, 3).model_dump(mode="json")
    assert (shown["verdict"], shown["curves"]) == (verdict, curves)


def test_a_pause_is_shown_with_who_and_why(database: Database) -> None:
    database.write(lambda c: pause(c, "holiday", "ada"))
    with database.read() as connection:
        paused = summary.status(connection, 500).paused
    assert paused is not None
    assert (paused.by, paused.reason) == ("ada", "holiday")


def test_a_requested_round_has_no_start_yet(database: Database) -> None:
    database.write(lambda c: rounds.request_round(c, "ada", "by hand"))
    with database.read() as connection:
        [requested] = summary.rounds(connection).rounds
    assert (requested.state, requested.started, requested.requested_by) == ("requested", None, "ada")
