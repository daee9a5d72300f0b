"""The pages in a real browser, with what they say of an empty store and of one with a past."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from monitoring import summary
from store.database.database import Database
from store.leases import current_lease
from store.rounds.training_progress import TrainingProgress, report
from tests.monitoring.dashboard.browser import Open, words_of

Serve = Callable[..., str]


@pytest.mark.slow
def test_an_empty_store_is_shown_as_empty(database: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(database))
    assert "No version yet" in words_of(page)
    page.get_by_role("link", name="Rounds").click()
    expect(page.get_by_text("No rounds yet: 500 more samples until the first.").first).to_be_visible()


def test_a_round_is_shown_in_full(filled: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(filled) + "/rounds/2")
    text = words_of(page)
    assert "Rejected: class bees (92 → 61 %) lost." in text
    assert "Attempt 2: half blend" in text
    assert "Overfitting: add images, augment more" in text
    assert page.locator("circle.dot.line").count() == page.locator("circle.dot.null").count() == 6


@pytest.mark.slow
def test_a_round_is_reached_from_the_list_and_back_leads_to_it(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled) + "/rounds")
    page.get_by_role("link", name="Round 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Round 2")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rounds")


@pytest.mark.slow
def test_an_unknown_round_is_told_in_words(filled: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(filled) + "/rounds/99", expected="404", ready="#problem:not([hidden])")
    assert "99" in words_of(page, "#problem")


@pytest.mark.slow
def test_what_is_set_aside_and_how_far_a_training_is_are_shown(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    progress = TrainingProgress(4, epoch=2, num_epochs=3, num_steps_done=45, num_steps=90, seconds_left=80.0)

    def work(connection: Connection) -> None:
        lease = current_lease(connection)
        assert lease is not None
        report(connection, progress, lease.fencing)
        connection.execute(text("UPDATE samples SET state = 'conflict', label = NULL WHERE id IN (1, 2)"))

    filled.write(work)
    page = open_page(serve(filled) + "/rounds")
    assert "Epoch 2 of 3, step 45 of 90, about 80 s left." in words_of(page)
    assert "Set aside: 2 samples whose sources disagree." in words_of(page)


@pytest.mark.slow
def test_a_class_name_with_markup_is_shown_as_text(filled: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(filled))
    assert "wasps <b>not bold</b>" in words_of(page)
    assert page.locator("main b").count() == 0


@pytest.mark.slow
def test_pressing_a_button_and_giving_a_reason_pauses_learning(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled) + "/rounds")
    pause(page, "a look at the labels")
    expect(page.get_by_text("Learning is paused by ada: a look at the labels")).to_be_visible()
    with filled.read() as connection:
        status = summary.status(connection, 500)
    assert status.paused is not None
    assert status.paused.reason == "a look at the labels"


def pause(page: Page, reason: str) -> None:
    page.get_by_role("button", name="Pause learning").click()
    page.get_by_label("Reason, for the record").fill(reason)
    page.locator("#confirm-yes").click()


@pytest.mark.slow
def test_an_action_that_is_not_confirmed_does_nothing(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled) + "/rounds")
    page.get_by_role("button", name="Pause learning").click()
    page.get_by_role("button", name="Don’t").click()
    expect(page.locator("#confirm")).to_be_hidden()
    with filled.read() as connection:
        assert summary.status(connection, 500).paused is None


@pytest.mark.slow
def test_the_curves_of_a_version_stand_on_its_page(filled: Database, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(filled) + "/versions/v1")
    assert "Epoch 3 was kept: 90.0 % of training and 78.0 % of validation images right." in words_of(page)


@pytest.mark.slow
def test_without_a_key_the_page_says_what_the_server_asks_for(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled, key="secret"), expected="401", ready="#key-form.wanted")
    assert "Expected a key. Send one." in words_of(page)
    assert "v3" not in page.content()


def test_a_key_that_is_typed_in_opens_this_page_and_the_next(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_page(serve(filled, key="secret"), expected="401", ready="#key-form.wanted")
    page.get_by_label("Key").fill("secret")
    page.get_by_role("button", name="Use").click()
    page.wait_for_selector(".connection.on")
    expect(page.locator("#problem")).to_be_hidden()
    page.get_by_role("navigation").get_by_role("link", name="Labelling").click()
    expect(page.get_by_text("5 images to label.")).to_be_visible()
    # The images too are asked for with the key.
    expect(page.locator("#question-image")).to_have_attribute("src", re.compile("^blob:"))


@pytest.mark.slow
@pytest.mark.parametrize("address", ["/rounds", "/versions"])
def test_the_menu_says_where_one_is_and_how_much_waits(
    filled: Database, serve: Serve, open_page: Open, address: str
) -> None:
    page = open_page(serve(filled) + address)
    assert page.locator("[aria-current=page]").get_attribute("href") == address
    expect(page.locator("#waiting-labelling")).to_have_text("5")
