from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, text

from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import MAX_SLICES, StoreCollector
from store import leases, measurements, registry, slices
from store.alarms import accept
from store.database.database import Database
from store.learning_state import pause
from store.measurements import Measurement
from store.rounds import rounds
from store.versions import NewVersion, add_version
from tests.store.alarm_work import raised


def scrape(database: Database) -> dict[tuple[str, frozenset[Any]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in StoreCollector(database, 500).collect()
        for sample in family.samples
    }


def value(samples: dict[tuple[str, frozenset[Any]], float], name: str, **labels: str) -> float | None:
    return samples.get((f"perennial_{name}", frozenset(labels.items())))


def test_a_store_with_a_past_shows_its_figures(filled: Database) -> None:
    samples = scrape(filled)
    assert value(samples, "store_up") == 1
    assert value(samples, "pending_samples") == 320
    assert value(samples, "round_threshold_samples") == 500
    assert value(samples, "open_questions") == 5
    assert value(samples, "logged_predictions_last_day") == 12
    assert value(samples, "production_version_number") == 3
    assert value(samples, "rounds_total", outcome="promoted") == 2
    assert value(samples, "rounds_total", outcome="rejected") == 1
    assert value(samples, "accuracy_ratio", slice="golden-1") == pytest.approx(0.91)
    assert value(samples, "forgotten_ratio", slice="golden-1") == pytest.approx(0.025)
    assert value(samples, "drift_mmd") == pytest.approx(0.0208, abs=1e-3)
    assert (value(samples, "learner_lease_remaining_seconds") or 0) > 0


def test_an_empty_store_shows_zeros_and_leaves_out_what_is_not_there(database: Database) -> None:
    samples = scrape(database)
    assert value(samples, "pending_samples") == 0
    assert value(samples, "round_state", state="idle") == 1
    assert value(samples, "rounds_total", outcome="promoted") == 0
    assert value(samples, "production_version_number") is None
    assert value(samples, "last_round_ended_timestamp_seconds") is None
    assert value(samples, "drift_mmd") is None


def test_alarms_are_counted_by_kind_and_those_that_nobody_looked_at_apart(filled: Database) -> None:
    first = raised(filled, version="v3")
    filled.write(lambda c: accept(c, first.id, "as it should be", "ann"))
    raised(filled, version="v3")
    raised(filled, "errors", version="v3")
    samples = scrape(filled)
    for kind, num_open, num_raised in (("looks", 1, 2), ("errors", 1, 1), ("class_mix", 0, 0)):
        assert value(samples, "alarms_open", kind=kind) == num_open
        assert value(samples, "alarms_total", kind=kind) == num_raised


def test_round_state_is_one_for_one_state_only(filled: Database) -> None:
    states = {
        dict(labels)["state"]: number
        for (name, labels), number in scrape(filled).items()
        if name == "perennial_round_state"
    }
    assert states["training"] == 1
    assert sum(states.values()) == 1
    running = {"requested", "preparing", "training", "evaluating"}
    assert set(states) == running | {"idle", "awaiting_labels", "awaiting_approval"}


def test_each_worker_alive_is_shown_with_the_version_it_serves(filled: Database) -> None:
    shown = [dict(labels) for name, labels in scrape(filled) if name == "perennial_worker_version_info"]
    assert {label["worker"] for label in shown} == {"worker-0-5f2c9a", "worker-1-5f2c9a"}
    assert {label["version"] for label in shown} == {"v3"}


def test_a_worker_that_died_is_shown_no_longer(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE workers SET seen = '2020-01-01 00:00:00.000000'")))
    assert not [name for name, _ in scrape(filled) if name == "perennial_worker_version_info"]


def test_a_lease_that_ran_out_is_negative(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "learner", -30))
    remaining = value(scrape(database), "learner_lease_remaining_seconds")
    assert remaining is not None
    assert remaining < -29


def test_a_pause_is_shown(database: Database) -> None:
    database.write(lambda c: pause(c, "holiday", "ada"))
    assert value(scrape(database), "learning_paused") == 1


def test_a_requested_round_is_shown_at_the_next_scrape(database: Database) -> None:
    database.write(lambda c: rounds.request_round(c, "ada", "by hand"))
    assert value(scrape(database), "round_state", state="requested") == 1


def test_slices_are_the_newest_twenty(database: Database) -> None:
    def work(connection: Connection) -> None:
        new = NewVersion(("ants", "bees"), {"weights.safetensors": "a" * 64})
        version = add_version(connection, new, []).version
        registry.promote(connection, version, reason="first", actor="test")
        for number in range(MAX_SLICES + 5):
            slices.add_slice(connection, f"slice-{number:02}", 1, None, [])
            one = Measurement("accuracy", 0.5, 10, version=version, slice=f"slice-{number:02}")
            measurements.record(connection, one)

    database.write(work)
    shown = {dict(labels)["slice"] for name, labels in scrape(database) if name == "perennial_accuracy_ratio"}
    assert len(shown) == MAX_SLICES
    assert "slice-24" in shown
    assert "slice-04" not in shown


def test_without_the_database_the_process_still_shows_its_own_numbers(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    ServiceMetrics(registry).count_rejection()
    missing = Database(f"sqlite:///{tmp_path / 'gone' / 'perennial.db'}")
    page, _ = Exposition(registry, StoreCollector(missing, 500)).render()
    missing.close()
    assert "perennial_store_up 0.0" in page.decode()
    assert "perennial_queue_rejections_total 1.0" in page.decode()
    assert "perennial_pending_samples" not in page.decode()
