"""The overview says whether all is well, in one sentence and one colour, and what waits for a person."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, delete, insert, update

from store import learning_state
from store.database import schema
from store.database.database import Database
from store.predictions.prediction_ids import new_prediction_id
from tests.monitoring.conftest import NOW, add_draw
from tests.monitoring.dashboard.browser import Open, words_of

pytestmark = pytest.mark.slow
Serve = Callable[..., str]


@pytest.fixture
def calm(filled: Database) -> Database:
    """A store in which nothing is the matter: without the drift of the last hours, and without questions."""

    def work(connection: Connection) -> None:
        drift = schema.measurements.c.metric == "drift_mmd"
        connection.execute(update(schema.measurements).where(drift).values(value=0.001))
        connection.execute(delete(schema.questions))

    filled.write(work)
    return filled


def health(page: Page, kind: str) -> str:
    expect(page.locator("#health > div")).to_have_class(re.compile(rf"\b{kind}\b"))
    return words_of(page, "#health")


def test_all_is_well(calm: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(calm))
    assert "All is well: v3 answers, and nothing is the matter." in health(page, "good")
    assert "Nothing. Questions, disputes" in words_of(page, "#waiting")
    assert "No drift" in words_of(page, "#drift")


def test_strong_drift_is_told_with_its_day(filled: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(filled))
    assert "look different from those that were learnt" in health(page, "warn")
    assert re.search(r"Strong drift since \d+ \w+", words_of(page, "#drift"))
    assert "5 images to label" in words_of(page, "#waiting")


def test_one_window_over_the_line_is_no_drift_yet(calm: Database, serve: Serve, open_page: Open) -> None:
    last = schema.measurements.select().where(schema.measurements.c.metric == "drift_mmd")

    def work(connection: Connection) -> None:
        newest = connection.execute(last.order_by(schema.measurements.c.created.desc()).limit(1)).one()
        chosen = schema.measurements.c.id == newest.id
        connection.execute(update(schema.measurements).where(chosen).values(value=0.1))

    calm.write(work)
    assert "No drift" in words_of(open_page(serve(calm)), "#drift")


def test_the_worst_stands_first_and_the_rest_below(calm: Database, serve: Serve, open_page: Open) -> None:
    def work(connection: Connection) -> None:
        learning_state.pause(connection, "labels are looked at", "ada")
        connection.execute(update(schema.workers).values(error="the file is damaged"))

    calm.write(work)
    page = open_page(serve(calm))
    assert "2 workers could not load v3: the file is damaged" in health(page, "bad")
    assert "Learning is paused: labels are looked at" in words_of(page, "#health li")


def test_an_open_alarm_is_what_is_the_matter(
    calm: Database, serve: Serve, open_page: Open, alarms: list[dict[str, Any]]
) -> None:
    alarms.append({"id": 1, "state": "open", "ended": None, "sentence": "Since noon the images are darker."})
    page = open_page(serve(calm))
    assert "Since noon the images are darker." in health(page, "bad")
    expect(page.locator("#waiting-alarms")).to_have_text("1")


def test_accuracy_over_time_is_drawn_and_stands_as_a_table(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled))
    expect(
        page.get_by_role("img", name="Accuracy of production on old and on new images, from v1 to v3")
    ).to_be_visible()
    assert page.locator("#accuracy canvas").count() == 1
    page.locator("#accuracy summary").click()
    rows = [re.sub(r"\s+", " ", text) for text in page.locator("#accuracy tbody tr").all_inner_texts()]
    # Newest first: now, then each promotion, with the version before it on what was new.
    assert rows[0].endswith("–")
    assert any("v3 promoted 91 % (86 % to 94 %) 79 % (73 % to 84 %)" in row for row in rows)
    assert any("v2, on what came since – 53 % (46 % to 60 %)" in row for row in rows)


def test_live_accuracy_stands_in_words_beside_the_golden_one(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    address = serve(filled)
    page = open_page(address)
    assert "nobody has labelled an image yet that was drawn by lot" in words_of(page, "#accuracy-now")
    assert "91.0 % right, of 200 images of the golden set." in words_of(page, "#accuracy-now")

    def work(connection: Connection) -> None:
        for number in range(1000, 1010):
            add_draw(connection, number, "audit", "v3", "bees" if number < 1008 else "ants")

    filled.write(work)
    told = words_of(open_page(address), "#accuracy-now")
    assert "80.0 % right, of 10 images that were drawn by lot and labelled." in told
    assert "The true share lies between 49.0 % and 94.3 %, 19 times of 20." in told


@pytest.fixture
def measurable(calm: Database) -> Database:
    """A store whose production has images to compare with, and five predictions."""
    files = {"reference.safetensors": "a" * 64}
    calm.write(lambda connection: connection.execute(update(schema.versions).values(files=files)))
    return calm


def predict(database: Database, num: int, moment: datetime) -> None:
    """Log predictions by production."""
    row = {"num_bytes": 100, "label": "bees", "confidence": 0.7, "version": "v3", "embedding": bytes(8)}
    row |= {"is_audit": False, "is_labelled": False, "source": "cam", "created": moment}
    rows = [{**row, "id": new_prediction_id(moment), "sha256": f"{n:064x}"} for n in range(100, 100 + num)]
    database.write(lambda connection: connection.execute(insert(schema.predictions), rows))


@pytest.mark.parametrize("address", ["/", "/drift"])
def test_what_is_missing_for_the_next_measurement_of_drift_is_told(
    measurable: Database, serve: Serve, open_page: Open, address: str
) -> None:
    page = open_page(serve(measurable) + address)
    assert "45 more predictions by v3 until it is measured again." in words_of(page, "#drift")


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (2, r"Measured again by \d\d:\d\d:\d\d\."),
        (-2, r"The next measurement is due\."),
        (-9000, r"Measured again within a minute of the next prediction by v3\."),
    ],
)
def test_when_drift_is_measured_next_is_told(
    measurable: Database, serve: Serve, open_page: Open, minutes: int, expected: str
) -> None:
    def work(connection: Connection) -> None:
        # All were predicted when it was measured.
        older = schema.predictions.c.version == "v3"
        connection.execute(update(schema.predictions).where(older).values(created=NOW - timedelta(days=9)))
        connection.execute(update(schema.measurements).values(created=NOW - timedelta(minutes=9)))

    measurable.write(work)
    # NOW is when the tests began: many minutes ago in a whole run.
    predict(measurable, 50, datetime.now(UTC) + timedelta(minutes=minutes))
    page = open_page(serve(measurable) + "/drift")
    assert re.search(expected, words_of(page, "#drift"))


def test_without_a_learner_the_page_says_that_drift_is_not_measured(
    measurable: Database, serve: Serve, open_page: Open
) -> None:
    measurable.write(lambda connection: connection.execute(delete(schema.lease)))
    page = open_page(serve(measurable) + "/drift")
    assert "Nothing is measured until a learner is at work" in words_of(page, "#drift")


def test_how_fast_is_answered_stands_beside_the_traffic(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    text = words_of(open_page(serve(filled)), "#latency")
    assert text.startswith("Half of the answers came within 25 ms, 99 of 100 within 2.5 s: by all workers")
    assert "over the 1,291 requests since this server started" in text
