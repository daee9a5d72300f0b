"""Long lists are paged, each page under an address of its own; two versions are compared; alarms are told."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection, insert, update

from store.database import schema
from store.database.database import Database
from store.evidence.answers import Answer, store_answers
from tests.monitoring.conftest import NOW
from tests.monitoring.dashboard.browser import Open, words_of

pytestmark = pytest.mark.slow
Serve = Callable[..., str]


def test_rounds_go_on_over_pages_and_back(filled: Database, serve: Serve, open_page: Open) -> None:
    def work(connection: Connection) -> None:
        for number in range(5, 46):
            row = {
                "id": number,
                "state": "rejected",
                "requested_by": "scheduler",
                "trigger": "500 new samples",
            }
            row |= {"reason": f"reason {number}", "created": NOW, "ended": NOW}
            connection.execute(insert(schema.rounds).values(row))

    filled.write(work)
    page = open_page(serve(filled) + "/rounds")
    expect(page.locator("#rounds .entry")).to_have_count(20)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#rounds .entry").first).to_contain_text("Round 25")
    assert page.url.endswith("/rounds?before=26")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#rounds .entry")).to_have_count(5)
    assert page.get_by_role("link", name="Older").count() == 0
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("#rounds .entry").first).to_contain_text("Round 45")


def test_a_round_that_waits_is_approved_on_its_page_or_cancelled(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    waiting = update(schema.rounds).where(schema.rounds.c.id == 4).values(state="awaiting_approval")
    filled.write(lambda connection: connection.execute(waiting))
    page = open_page(serve(filled) + "/rounds/4")
    assert "waits for approval" in words_of(page)
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.get_by_role("button", name="Cancel the round").click()
    assert "its samples stay for the next" in words_of(page, "#confirm")


@pytest.fixture
def answered(filled: Database) -> Database:
    """Thirty golden images of bees: v3 is right on six more than v1, and wrong on one that v1 knew."""

    def work(connection: Connection) -> None:
        ids = range(1, 31)
        members = [{"slice": "golden-1", "sample_id": number} for number in ids]
        connection.execute(insert(schema.slice_samples), members)
        for version, num_wrong, first in (("v1", 10, 0), ("v3", 5, 6)):
            wrong = range(first, first + num_wrong)
            answers = {f"{n:064x}": Answer(0 if n in wrong else 1, 0.9) for n in range(30)}
            store_answers(connection, version, answers)

    filled.write(work)
    return filled


def test_two_versions_are_compared_by_slice_and_class(
    answered: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(answered) + "/versions/v3/against/v1")
    assert "v3 is right on 6 that v1 got wrong, and wrong on 1 that v1 got right." in words_of(page)
    assert words_of(page, "#slices tbody").startswith("golden set 83.3 % 66.7 % gained 16.7 points")
    assert words_of(page, "#classes tbody").startswith("bees 83.3 % 66.7 % 6 1 30")
    assert words_of(page, "#confusions thead") == "Shows ants bees"
    assert words_of(page, "#confusions tbody") == "ants 0 0 bees 5 25"
    expect(page.locator("#flips .shot")).to_have_count(1)
    expect(page.locator("#flips .shot")).to_contain_text("v3 says ants")
    page.get_by_label("Search the classes").fill("wasp")
    expect(page.locator("#classes")).to_have_text("No class of that name was asked about.")


def test_any_two_versions_are_chosen(answered: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(answered) + "/versions")
    page.get_by_label("Version", exact=True).fill("3")
    page.get_by_label("against").fill("v2")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("v3 against v2")
    expect(page.locator("#summary")).to_contain_text("were never asked about the same labelled images")


def test_a_gain_is_told_as_a_gain_and_a_loss_by_chance_as_none(
    answered: Database, serve: Serve, open_page: Open
) -> None:
    text = words_of(open_page(serve(answered) + "/forgetting"))
    assert "Nothing is forgotten" in text
    # Without the answers of both on the same images there is no interval.
    assert "gained 26.0 points" in text
    assert "−" not in text.split("Against the best before")[0]


ALARM: dict[str, Any] = {
    "id": 7, "kind": "looks", "state": "open", "raised": NOW.isoformat(), "since": NOW.isoformat(),
    "ended": None, "sentence": "Images of bees are darker by 38 % since noon.", "classes": ["bees"],
    "version": "v3", "images": [{"sha256": "a", "prediction_id": "1", "nearest_sha256": "b"}],
    "acted_by": None, "reason": None,
}  # fmt: skip


def test_an_alarm_is_told_and_accepted_with_a_reason(
    filled: Database, serve: Serve, open_page: Open, alarms: list[dict[str, Any]]
) -> None:
    alarms += [
        dict(ALARM),
        {**ALARM, "id": 3, "state": "ended", "ended": NOW.isoformat(), "sentence": "Blurrier."},
    ]
    page = open_page(serve(filled) + "/alarms")
    assert "Images of bees are darker by 38 % since noon." in words_of(page, "#open-alarms")
    assert "Blurrier." in words_of(page, "#past-alarms")
    assert page.locator("#past-alarms img").count() == 0
    page.locator("#past-alarms summary").click()
    expect(page.locator("#past-alarms .pairs img").last).to_have_js_property("naturalWidth", 96)
    expect(page.locator("#open-alarms .pairs img").last).to_have_js_property("naturalWidth", 96)
    page.get_by_role("button", name="This is the new normal").click()
    page.get_by_label("Reason, for the record").fill("the night shift began")
    page.locator("#confirm-yes").click()
    expect(page.locator("#open-alarms")).to_contain_text("No alarm.")
    assert (alarms[0]["state"], alarms[0]["reason"]) == ("accepted", "the night shift began")
