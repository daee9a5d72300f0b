from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, text

from monitoring.forgetting import Lost
from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import MAX_SLICES, StoreCollector, quality_metrics, read_figures
from store import leases, measurements, registry, slices
from store.alarms import accept
from store.database.database import Database
from store.learning_state import pause
from store.measurements import Measurement
from store.notifications import News, note_failure, store_news
from store.rounds import rounds
from store.versions import NewVersion, add_version
from tests.monitoring.conftest import NOW
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


def test_rejected_rounds_are_counted_since_the_last_promoted_one(filled: Database) -> None:
    assert value(scrape(filled), "rejected_rounds_in_a_row") == 0
    filled.write(lambda c: c.execute(text("UPDATE rounds SET state = 'rejected' WHERE id > 2")))
    assert value(scrape(filled), "rejected_rounds_in_a_row") == 3


def test_a_round_that_runs_shows_its_last_step_and_one_that_waits_shows_none(filled: Database) -> None:
    def last_step() -> float | None:
        return value(scrape(filled), "round_last_step_timestamp_seconds")

    # The story's round 4 wrote its third step two minutes after it began, six minutes ago.
    assert last_step() == pytest.approx((NOW - timedelta(minutes=4)).timestamp(), abs=0.01)
    filled.write(lambda c: c.execute(text("DELETE FROM round_steps")))
    assert last_step() == pytest.approx((NOW - timedelta(minutes=6)).timestamp(), abs=0.01)
    filled.write(lambda c: c.execute(text("UPDATE rounds SET state = 'awaiting_labels' WHERE id = 4")))
    assert last_step() is None


def test_a_loss_is_shown_with_the_lower_end_of_its_interval(filled: Database) -> None:
    # The story stores no answers of its versions, so that no loss has an interval.
    assert value(scrape(filled), "forgotten_low_ratio", slice="golden-1") is None
    lost = {"golden-1": Lost("v2", 0.025, low=0.01, high=0.04, num_images=200)}
    with filled.read() as connection:
        figures = replace(read_figures(connection), forgotten=lost)
    shown = {family.name: family for family in quality_metrics(figures)}
    assert [each.value for each in shown["perennial_forgotten_low_ratio"].samples] == [0.01]


def test_messages_that_the_webhook_did_not_take_are_shown(database: Database) -> None:
    database.write(lambda c: store_news(c, [News("a", "promoted", "v2 is production.", NOW)]))
    assert value(scrape(database), "webhook_undelivered_messages") == 0
    database.write(lambda c: note_failure(c, 1, "expected an answer 2xx, found 500", 60.0))
    assert value(scrape(database), "webhook_undelivered_messages") == 1


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
