import json
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from monitoring import summary
from store import registry, rounds
from store.database import Database
from store.errors import UnknownRoundError, UnknownVersionError
from store.registry import NewVersion


def test_status_of_an_empty_store_is_complete(database: Database) -> None:
    with database.read() as connection:
        found = summary.status(connection, 500)
    assert found == {
        "production": None,
        "is_starter": False,
        "description": None,
        "device": None,
        "classes": [],
        "num_pending": 0,
        "threshold": 500,
        "round": None,
        "workers": [],
        "paused": None,
        "learner": {"is_alive": False, "holder": None},
        "num_audits_waiting": 0,
    }


def test_status_shows_what_serves_what_waits_and_the_round_with_its_step(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.status(connection, 500)
    assert found["production"] == "v3"
    assert found["num_pending"] == 320
    assert found["device"] == "cuda:0 (NVIDIA H100)"
    assert found["learner"] == {"is_alive": True, "holder": "learner-1"}
    assert [worker["version"] for worker in found["workers"]] == ["v3", "v3"]
    assert (found["round"]["id"], found["round"]["state"], found["round"]["step"]) == (4, "training", "epoch")


def test_status_says_when_a_starter_serves(database: Database) -> None:
    def work(connection: Connection) -> None:
        new = NewVersion(
            ("0", "1"), {"weights.safetensors": "a" * 64}, {"description": "scanned digits"}, is_starter=True
        )
        registry.promote(
            connection, registry.add_version(connection, new, []).version, reason="starter", actor="test"
        )

    database.write(work)
    with database.read() as connection:
        found = summary.status(connection, 500)
    assert found["is_starter"]
    assert found["description"] == "scanned digits"


def test_status_leaves_out_workers_not_heard_of(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE workers SET seen = '2020-01-01 00:00:00.000000'")))
    with filled.read() as connection:
        assert summary.status(connection, 500)["workers"] == []


def test_status_of_a_lapsed_lease_has_no_learner(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE lease SET expires = '2020-01-01 00:00:00.000000'")))
    with filled.read() as connection:
        assert not summary.status(connection, 500)["learner"]["is_alive"]


def test_models_are_newest_first_with_the_reason_that_each_was_promoted_for(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.models(connection)["models"]
    assert [(model["version"], model["is_production"]) for model in found] == [
        ("v3", True), ("v2", False), ("v1", False),
    ]  # fmt: skip
    assert found[0]["promotion"]["reason"] == "Round 3 passed the gate."
    assert found[0]["metrics"] == {"validation_accuracy": 0.941}
    assert found[1]["num_deleted_samples"] == 1


def test_models_and_rounds_go_on_before_the_last_one_shown(filled: Database) -> None:
    with filled.read() as connection:
        assert [m["version"] for m in summary.models(connection, limit=1, before=3)["models"]] == ["v2"]
        assert [r["id"] for r in summary.rounds(connection, limit=2, before=4)["rounds"]] == [3, 2]


def test_one_model_has_its_classes(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.model(connection, "v2")
    assert found["version"] == "v2"
    assert not found["is_production"]
    assert found["classes"][0] == "ants"


def test_an_unknown_model_or_round_is_the_stores_error(filled: Database) -> None:
    with filled.read() as connection:
        with pytest.raises(UnknownVersionError):
            summary.model(connection, "v99")
        with pytest.raises(UnknownRoundError):
            summary.round_detail(connection, 99)


def test_rounds_are_newest_first_with_their_verdict_in_a_sentence(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.rounds(connection)["rounds"]
    assert [(one["id"], one["state"]) for one in found] == [
        (4, "training"), (3, "promoted"), (2, "rejected"), (1, "promoted"),
    ]  # fmt: skip
    assert found[2]["sentence"] == "Rejected: class bees (92 → 61 %) lost."
    assert found[1]["candidate"] == "v3"
    assert found[0]["ended"] is None


def test_one_round_has_its_steps_attempts_and_verdict(filled: Database) -> None:
    filled.write(
        lambda c: c.execute(text("INSERT INTO round_samples VALUES (2, 1, 'train', 1), (2, 2, 'train', 2)"))
    )
    with filled.read() as connection:
        found = summary.round_detail(connection, 2)
    assert [step["step"] for step in found["steps"]] == ["preparing", "training", "epoch"]
    assert [attempt["cure"] for attempt in found["attempts"]] == ["fine_tune", "interpolate"]
    assert found["verdict"]["lost_classes"] == ["bees"]
    assert found["num_samples"] == {"train": 2}


def test_drift_is_newest_first_beside_what_chance_gives(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.drift(connection, limit=3)
    assert found["production"] == "v3"
    assert len(found["points"]) == 3
    assert found["points"][0]["created"] > found["points"][1]["created"]
    assert found["points"][0]["null_95"] == pytest.approx(0.0041, abs=1e-3)


@pytest.mark.parametrize("name", ["reference.safetensors", "weights.safetensors"])
def test_drift_says_whether_production_has_anything_to_compare_with(filled: Database, name: str) -> None:
    def promote(connection: Connection) -> None:
        new = NewVersion(class_names=("ants", "bees"), files={name: "a" * 64})
        version = registry.add_version(connection, new, []).version
        registry.promote(connection, version, reason="a test", actor="tests", force=True)

    filled.write(promote)
    with filled.read() as connection:
        assert summary.drift(connection)["has_reference"] == (name == "reference.safetensors")


def test_forgetting_is_a_matrix_with_intervals(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.forgetting(connection)
    assert found["versions"] == ["v1", "v2", "v3"]
    [cell] = [c for c in found["cells"] if (c["version"], c["slice"]) == ("v3", "round-3")]
    assert cell["low"] < cell["accuracy"] == 0.79 < cell["high"]


def test_audits_are_counted_beyond_those_shown(filled: Database) -> None:
    with filled.read() as connection:
        found = summary.audits(connection, limit=2)
    assert len(found["audits"]) == 2
    assert found["num_waiting"] == 5


def test_every_answer_is_json_with_times_in_utc(filled: Database) -> None:
    with filled.read() as connection:
        answers = [
            summary.status(connection, 500),
            summary.models(connection),
            summary.rounds(connection),
            summary.round_detail(connection, 3),
            summary.drift(connection),
            summary.forgetting(connection),
            summary.audits(connection),
        ]
    json.dumps(answers, allow_nan=False)
    moment = datetime.fromisoformat(answers[2]["rounds"][0]["started"])
    assert moment.utcoffset() is not None


def test_a_pause_is_shown_with_who_and_why(database: Database) -> None:
    database.write(lambda c: registry.pause(c, "holiday", "ada"))
    with database.read() as connection:
        found = summary.status(connection, 500)["paused"]
    assert (found["by"], found["reason"]) == ("ada", "holiday")


def test_a_requested_round_has_no_start_yet(database: Database) -> None:
    database.write(lambda c: rounds.request_round(c, "ada", "by hand"))
    with database.read() as connection:
        [found] = summary.rounds(connection)["rounds"]
    assert (found["state"], found["started"], found["requested_by"]) == ("requested", None, "ada")
