"""The labelling page and its disputes, in a real browser."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, delete, insert, update

from store.database import schema
from store.database.database import Database
from store.evidence.disputes import find_dispute
from store.evidence.questions import TRIAL
from store.evidence.trials import begin_trial
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from tests.monitoring.dashboard.browser import Open, words_of
from tests.monitoring.dashboard.evidence_routes import EvidenceRoutes

pytestmark = pytest.mark.slow
Serve = Callable[..., str]
NOW = datetime.now(UTC)


@pytest.fixture
def asked(filled: Database) -> Callable[..., EvidenceRoutes]:
    """Ask so many questions, numbered in their order, where production has these classes."""

    def ask(num_questions: int = 4, classes: Sequence[str] = ("ants", "bees")) -> EvidenceRoutes:
        def work(connection: Connection) -> None:
            connection.execute(update(schema.versions).values(class_names=list(classes)))
            connection.execute(delete(schema.questions))
            for number in range(num_questions):
                row = {"id": f"{number:032x}", "sha256": f"{number:04x}" * 16, "priority": TRIAL}
                created = NOW - timedelta(minutes=number)
                connection.execute(insert(schema.questions).values(**row, created=created))

        filled.write(work)
        return EvidenceRoutes(filled)

    return ask


@pytest.fixture
def labelling(serve: Serve, open_page: Open) -> Callable[[EvidenceRoutes], Page]:
    """Open the labelling page."""
    return lambda evidence: open_page(serve(evidence.database, evidence=evidence) + "/labelling")


def press(page: Page, *keys: str) -> None:
    """Press keys, each once the answer to the one before is there."""
    for key in keys:
        page.keyboard.press(key)
        wait(page)


def wait(page: Page) -> None:
    # While an answer is on its way all buttons rest; after the last one, skip does for good.
    page.wait_for_function(
        "() => !document.querySelector('#answer-skip').disabled"
        " || document.querySelector('#question-image').hidden"
    )


def question(number: int) -> re.Pattern[str]:
    return re.compile(f"^{number:032x}$")


def label(name: str) -> dict[str, str]:
    return {"label": name}


NONE, SKIP = {"answer": "none"}, {"answer": "skip"}
Ask = Callable[..., EvidenceRoutes]
Labelling = Callable[[EvidenceRoutes], Page]


def test_buttons_give_a_label_none_and_skip_one_image_after_the_other(
    labelling: Labelling, asked: Ask
) -> None:
    evidence = asked()
    page = labelling(evidence)
    for name in ("bees", "None of these", "Skip"):
        page.get_by_role("button", name=name).click()
        wait(page)
    assert evidence.answers == [(0, label("bees")), (1, NONE), (2, SKIP)]
    expect(page.locator("#question-image")).to_have_attribute("data-question", question(3))
    expect(page.get_by_text("2 images to label.")).to_be_visible()


def test_keys_give_a_label_none_and_skip_without_a_click(labelling: Labelling, asked: Ask) -> None:
    evidence = asked()
    press(labelling(evidence), "1", "n", "s", "2")
    assert evidence.answers == [(0, label("ants")), (1, NONE), (2, SKIP), (3, label("bees"))]


def test_undo_asks_the_last_question_again_and_goes_on_where_one_was(
    labelling: Labelling, asked: Ask
) -> None:
    evidence = asked()
    page = labelling(evidence)
    press(page, "1", "u", "2", "1")
    assert evidence.answers == [(0, label("ants")), (0, label("bees")), (1, label("ants"))]
    expect(page.locator("#question-image")).to_have_attribute("data-question", question(2))


def test_an_earlier_answer_is_marked_when_one_looks_back(labelling: Labelling, asked: Ask) -> None:
    page = labelling(asked())
    press(page, "2", "ArrowLeft")
    expect(page.locator(".class[aria-pressed=true]")).to_have_text("2bees")


def test_the_page_says_what_became_of_an_answer_and_that_undo_does_not_withdraw_it(
    labelling: Labelling, asked: Ask
) -> None:
    page = labelling(asked())
    said = page.locator("#queue-said")
    press(page, "2")
    expect(said).to_contain_text("Taken: bees.")
    press(page, "u")
    expect(said).to_have_text("Taken: bees. That stands until you give another answer.")
    press(page, "s")
    expect(said).to_contain_text("Skipped: others are asked.")


def test_what_was_passed_over_comes_again_at_the_end(labelling: Labelling, asked: Ask) -> None:
    evidence = asked(2)
    press(labelling(evidence), "ArrowRight", "1", "2")
    assert evidence.answers == [(1, label("ants")), (0, label("bees"))]


def test_after_the_last_answer_it_says_so_and_undo_remains(labelling: Labelling, asked: Ask) -> None:
    evidence = asked(1)
    page = labelling(evidence)
    press(page, "1", "2", "u", "2")
    assert evidence.answers == [(0, label("ants")), (0, label("bees"))]
    expect(page.get_by_text("That was the last one.")).to_be_visible()


def test_classes_that_are_digits_have_their_own_keys(labelling: Labelling, asked: Ask) -> None:
    evidence = asked(1, classes=[str(digit) for digit in range(10)])
    press(labelling(evidence), "0")
    assert evidence.answers == [(0, label("0"))]


def test_many_classes_are_searched_and_the_last_chosen_has_a_key(labelling: Labelling, asked: Ask) -> None:
    evidence = asked(2, classes=[f"species {number}" for number in range(1000)])
    page = labelling(evidence)
    press(page, "/")
    page.keyboard.type("417")
    press(page, "Enter", "Escape", "1")
    assert evidence.answers == [(0, label("species 417")), (1, label("species 417"))]


def test_letters_that_are_typed_into_the_search_answer_nothing(labelling: Labelling, asked: Ask) -> None:
    evidence = asked(1, classes=[f"species {number}" for number in range(20)])
    page = labelling(evidence)
    press(page, "/", "s", "n", "1")
    assert page.get_by_label("Search the classes").input_value() == "sn1"
    assert evidence.answers == []


def test_a_label_by_keyboard_arrives_as_a_sample(filled: Database, labelling: Labelling, asked: Ask) -> None:
    press(labelling(asked(2)), "s", "2")
    rows = schema.samples.select().where(schema.samples.c.sha256 == "0001" * 16)
    with filled.read() as connection:
        sample = connection.execute(rows).one()
    assert (sample.label, sample.source) == ("bees", "ada")


def test_a_trial_says_how_many_answers_are_missing(
    filled: Database, serve: Serve, open_page: Open, asked: Ask
) -> None:
    def work(connection: Connection) -> None:
        begin_trial(connection, 4, 31, datetime(2030, 12, 14, 12, tzinfo=UTC))
        waiting = {"state": "awaiting_labels", "verdict": {"labels_needed": {"wins": 9, "open": 31}}}
        connection.execute(update(schema.rounds).where(schema.rounds.c.id == 4).values(**waiting))

    filled.write(work)
    page = open_page(serve(filled, evidence=asked()) + "/labelling")
    text = words_of(page)
    assert "Round 4: 31 of 31 answered, 9 more for the candidate decide." in text
    assert "It waits until 14 December. 4 images to label." in text
    page.get_by_role("link", name="Rounds").click()
    expect(
        page.get_by_text("31 of 31 questions answered. 9 more answers for the candidate promote it.")
    ).to_be_visible()
    expect(page.get_by_text("waits for labels")).to_be_visible()


def test_a_dispute_shows_its_image_and_is_settled_by_a_button(
    filled: Database, labelling: Labelling, asked: Ask
) -> None:
    def said(source: str, name: str, *, is_trusted: bool) -> None:
        digest = "d" * 64
        new = NewSample(digest, 1, "direct", source, name, is_trusted=is_trusted, split="train")
        filled.write(lambda connection: add_sample(connection, new, ("ants", "bees"), SplitSettings()))

    said("train", "ants", is_trusted=True)
    said("field-app", "bees", is_trusted=False)
    page = labelling(asked(0))
    expect(page.locator(".dispute img")).to_have_js_property("naturalWidth", 96)
    page.locator(".dispute .class", has_text="bees").click()
    page.locator("#confirm-yes").click()
    expect(page.locator(".dispute")).to_have_count(0)
    with filled.read() as connection:
        settled = find_dispute(connection, 1)
    assert (settled.settled_label, settled.settled_by) == ("bees", "ada")
