import pytest

from monitoring import summary
from monitoring.answers.watches import Watch
from store import registry
from store.database.database import Database
from store.evidence.watches import end_watch, note_figures
from tests.monitoring.test_store_collector import scrape, value
from tests.store.version_work import add_line, roll_back
from tests.store.watch_work import differ, in_force

FIGURES = {"lost": 6, "won": 9, "open": 14, "neither": 1, "evidence": 0.25, "sentence": "v2 is watched: …"}


@pytest.fixture
def watched(database: Database) -> Database:
    """A database in which v2 took v1's place, with 30 images on which they differ and 70 more."""
    add_line(database, 2)
    differ(database, [f"wasp {number}" for number in range(30)], num_alike=70)
    return database


def test_status_shows_the_counts_of_the_last_look(watched: Database) -> None:
    watch = in_force(watched)
    watched.write(lambda c: note_figures(c, watch.id, FIGURES))

    with watched.read() as connection:
        shown = summary.status(connection, 500).watch

    assert shown == Watch(
        version="v2", predecessor="v1", state="watching", images=100, lost=6, won=9, open=14, evidence=0.25,
        sentence="v2 is watched: …",
    )  # fmt: skip


def test_before_the_first_look_nothing_is_counted(watched: Database) -> None:
    with watched.read() as connection:
        shown = summary.status(connection, 500).watch

    assert shown is not None
    assert (shown.images, shown.lost, shown.evidence) == (100, 0, 1.0)
    assert shown.sentence == "v2 is watched: nobody looked yet at what it and v1 answer."


def test_without_a_promotion_there_is_no_watch(database: Database) -> None:
    add_line(database, 1)
    with database.read() as connection:
        assert summary.status(connection, 500).watch is None


def test_each_model_shows_the_watch_over_it_and_the_status_why_it_was_rolled_back(watched: Database) -> None:
    watch = in_force(watched)
    reason = "v2 was worse than v1: of 100 images it lost 20 and won 2."
    watched.write(lambda c: end_watch(c, watch.id, "rolled_back", reason, FIGURES))

    with watched.read() as connection:
        status = summary.status(connection, 500)
        second, first = summary.models(connection).models
        detail = summary.model(connection, "v2")

    assert status.watch == second.watch == detail.watch
    assert second.watch is not None
    assert (second.watch.state, second.watch.sentence) == ("rolled_back", reason)
    assert first.watch is None


def test_a_scrape_shows_the_last_watch_and_who_rolled_back(watched: Database) -> None:
    watch = in_force(watched)
    watched.write(lambda c: end_watch(c, watch.id, "rolled_back", "worse", FIGURES))
    watched.write(lambda c: registry.roll_back(c, reason="worse", actor="watch", pauses=False))
    watched.write(lambda c: registry.promote(c, "v2", reason="again", actor="ada"))
    watched.write(lambda c: note_figures(c, in_force(watched).id, FIGURES))
    roll_back(watched)

    samples = scrape(watched)

    assert value(samples, "rollbacks_total", by="watch") == 1
    assert value(samples, "rollbacks_total", by="person") == 1
    assert value(samples, "watches_total", outcome="rolled_back") == 1
    assert value(samples, "watches_total", outcome="unconfirmed") == 1
    assert value(samples, "watches_total", outcome="watching") is None
    assert value(samples, "watch_state", state="unconfirmed") == 1
    assert value(samples, "watch_state", state="rolled_back") == 0
    assert value(samples, "watch_lost_images") == 6
    assert value(samples, "watch_open_images") == 14
    assert value(samples, "watch_evidence") == 0.25


def test_a_store_without_a_watch_shows_zeros_and_leaves_out_its_figures(database: Database) -> None:
    samples = scrape(database)
    assert value(samples, "rollbacks_total", by="watch") == 0
    assert value(samples, "watch_images") is None
