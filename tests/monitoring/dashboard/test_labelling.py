"""The labelling view and the disputes, in a real browser."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, insert, update

from store.database import schema
from store.database.database import Database
from store.evidence.disputes import find_dispute
from store.evidence.questions import TRIAL
from store.evidence.trials import begin_trial
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from tests.monitoring.dashboard.browser import CHROMIUM, ELEMENT, Browse
from tests.monitoring.dashboard.evidence_routes import EvidenceRoutes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]
Serve = Callable[..., str]
NOW = datetime.now(UTC)

# Presses a key once the image of the question before has gone.
KEYS = """
const view = await element("#question:not([hidden])");
const idle = async () => {
  while (view.querySelector("#answer-skip").disabled && !view.querySelector("#question-image").hidden) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const press = async (key) => {
  await idle();
  const focused = document.activeElement.closest("#question") ? document.activeElement : view;
  focused.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await idle();
};
"""


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
def run(serve: Serve, browse: Browse) -> Callable[[EvidenceRoutes, str], str]:
    """Run a script on the page; return the document."""

    def go(evidence: EvidenceRoutes, script: str) -> str:
        return browse(serve(evidence.database, ELEMENT + script, "", evidence) + "/scripted")

    return go


def question(number: int) -> str:
    return f'data-question="{number:032x}"'


def label(name: str) -> dict[str, str]:
    return {"label": name}


NONE, SKIP = {"answer": "none"}, {"answer": "skip"}
Ask = Callable[..., EvidenceRoutes]
Run = Callable[[EvidenceRoutes, str], str]


def test_buttons_give_a_label_none_and_skip_one_image_after_the_other(run: Run, asked: Ask) -> None:
    evidence = asked()
    script = """
    await idle(); view.querySelector(".class:nth-child(2)").click();
    await idle(); view.querySelector("#answer-none").click();
    await idle(); view.querySelector("#answer-skip").click();
    """
    document = run(evidence, KEYS + script)
    assert evidence.answers == [(0, label("bees")), (1, NONE), (2, SKIP)]
    assert question(3) in document
    assert "2 images to label." in document


def test_keys_give_a_label_none_and_skip(run: Run, asked: Ask) -> None:
    evidence = asked()
    run(evidence, KEYS + 'for (const key of ["1", "n", "s", "2"]) await press(key);')
    assert evidence.answers == [(0, label("ants")), (1, NONE), (2, SKIP), (3, label("bees"))]


def test_undo_asks_the_last_question_again_and_goes_on_where_one_was(run: Run, asked: Ask) -> None:
    evidence = asked()
    document = run(evidence, KEYS + 'for (const key of ["1", "u", "2", "1"]) await press(key);')
    assert evidence.answers == [(0, label("ants")), (0, label("bees")), (1, label("ants"))]
    assert question(2) in document


def test_an_earlier_answer_is_marked_when_one_looks_back(run: Run, asked: Ask) -> None:
    document = run(asked(), KEYS + 'for (const key of ["2", "ArrowLeft"]) await press(key);')
    assert re.search(r'aria-pressed="true"[^>]*><kbd>2</kbd>bees', document)


def test_what_was_passed_over_comes_again_at_the_end(run: Run, asked: Ask) -> None:
    evidence = asked(2)
    run(evidence, KEYS + 'for (const key of ["ArrowRight", "1", "2"]) await press(key);')
    assert evidence.answers == [(1, label("ants")), (0, label("bees"))]


def test_after_the_last_answer_it_says_so_and_undo_remains(run: Run, asked: Ask) -> None:
    evidence = asked(1)
    document = run(evidence, KEYS + 'for (const key of ["1", "2", "u", "2"]) await press(key);')
    assert evidence.answers == [(0, label("ants")), (0, label("bees"))]
    assert re.search(r'<p id="question-none">That was the last one', document)


def test_classes_that_are_digits_have_their_own_keys(run: Run, asked: Ask) -> None:
    evidence = asked(1, classes=[str(digit) for digit in range(10)])
    run(evidence, KEYS + 'await press("0");')
    assert evidence.answers == [(0, label("0"))]


def test_many_classes_are_searched_and_the_last_chosen_has_a_key(run: Run, asked: Ask) -> None:
    evidence = asked(2, classes=[f"species {number}" for number in range(1000)])
    script = """
    const search = view.querySelector("#class-search");
    search.focus();
    search.value = "417";
    search.dispatchEvent(new Event("input"));
    search.form.requestSubmit();
    await press("Escape");
    await press("1");
    """
    run(evidence, KEYS + script)
    assert evidence.answers == [(0, label("species 417")), (1, label("species 417"))]


def test_letters_that_are_typed_into_the_search_answer_nothing(run: Run, asked: Ask) -> None:
    evidence = asked(1, classes=[f"species {number}" for number in range(20)])
    script = """
    view.querySelector("#class-search").focus();
    for (const key of ["s", "n", "1"]) await press(key);
    """
    run(evidence, KEYS + script)
    assert evidence.answers == []


def test_a_trial_says_how_many_answers_are_missing(filled: Database, run: Run, asked: Ask) -> None:
    def work(connection: Connection) -> None:
        begin_trial(connection, 4, 31, datetime(2030, 12, 14, 12, tzinfo=UTC))
        waiting = {"state": "awaiting_labels", "verdict": {"labels_needed": {"wins": 9, "open": 31}}}
        connection.execute(update(schema.rounds).where(schema.rounds.c.id == 4).values(**waiting))

    filled.write(work)
    document = run(asked(), "")
    assert "Round 4: 31 of 31 answered, 9 more for the candidate decide." in document
    assert "It waits until 14 December. 4 images to label." in document
    assert "31 of 31 questions answered. 9 more answers for the candidate promote it." in document
    assert ">waits for labels<" in document


def test_a_dispute_shows_its_image_and_is_settled_by_a_button(filled: Database, run: Run, asked: Ask) -> None:
    def said(source: str, name: str, *, is_trusted: bool) -> None:
        digest = "d" * 64
        new = NewSample(digest, 1, "direct", source, name, is_trusted=is_trusted, split="train")
        filled.write(lambda connection: add_sample(connection, new, ("ants", "bees"), SplitSettings()))

    said("train", "ants", is_trusted=True)
    said("field-app", "bees", is_trusted=False)
    script = """
    await element(".dispute img[src^='blob:']");
    document.querySelector(".dispute .class:nth-child(2)").click();
    document.getElementById("confirm-yes").click();
    """
    run(asked(0), script)
    with filled.read() as connection:
        settled = find_dispute(connection, 1)
    assert (settled.settled_label, settled.settled_by) == ("bees", "ada")
