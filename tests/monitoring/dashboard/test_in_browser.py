"""The page in a real browser, which is asked for the document after a few seconds of its own time."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from monitoring import summary
from store.database.database import Database
from store.leases import current_lease
from store.rounds.training_progress import TrainingProgress, report
from tests.monitoring.dashboard.browser import CHROMIUM, ELEMENT, Browse

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
Serve = Callable[..., str]


@pytest.mark.slow
def test_an_empty_store_is_shown_as_empty(database: Database, serve: Serve, browse: Browse) -> None:
    document = browse(serve(database))
    assert "No version yet" in document
    assert "No rounds yet: 500 more samples until the first." in document
    assert 'class="connection on"' in document


def test_a_store_with_a_past_is_shown_in_full(filled: Database, serve: Serve, browse: Browse) -> None:
    document = browse(serve(filled) + "/#round-2")
    assert "Rejected: class bees (92 → 61 %) lost." in document
    assert "Attempt 2: half blend" in document
    assert 'max="500"' in document
    assert document.count('<circle class="dot"') == 48
    assert "<strong>Overfitting: </strong>add images, augment more" in document
    assert document.count('<circle class="dot line"') == document.count('<circle class="dot null"') == 6
    assert re.search(r"<td[^>]*--share: 1.000[^>]*>93.5 %", document)


@pytest.mark.slow
def test_what_is_set_aside_and_how_far_a_training_is_are_shown(
    filled: Database, serve: Serve, browse: Browse
) -> None:
    progress = TrainingProgress(4, epoch=2, num_epochs=3, num_steps_done=45, num_steps=90, seconds_left=80.0)

    def work(connection: Connection) -> None:
        lease = current_lease(connection)
        assert lease is not None
        report(connection, progress, lease.fencing)
        connection.execute(text("UPDATE samples SET state = 'conflict', label = NULL WHERE id IN (1, 2)"))

    filled.write(work)
    document = browse(serve(filled) + "/#round-4")
    assert "Epoch 2 of 3, step 45 of 90, about 80 s left." in document
    assert "Set aside: 2 samples whose sources disagree." in document
    assert "Loss (nats) by Epoch" in document
    assert re.search(r"<td[^>]*>(lost|gained) [0-9.]+ points</td>", document)


@pytest.mark.slow
def test_a_class_name_with_markup_is_shown_as_text(filled: Database, serve: Serve, browse: Browse) -> None:
    document = browse(serve(filled))
    assert "wasps &lt;b&gt;not bold&lt;/b&gt;" in document
    assert "<b>not bold" not in document


@pytest.mark.slow
def test_pressing_a_button_and_giving_a_reason_pauses_learning(
    filled: Database, serve: Serve, browse: Browse
) -> None:
    script = """
    (await element("#pause")).click();
    document.getElementById("confirm-reason").value = "a look at the labels";
    document.getElementById("confirm-yes").click();
    """
    document = browse(serve(filled, ELEMENT + script) + "/scripted")
    with filled.read() as connection:
        status = summary.status(connection, 500)
    assert status.paused is not None
    assert status.paused.reason == "a look at the labels"
    assert "Learning is paused by ada: a look at the labels" in document


@pytest.mark.slow
def test_the_curves_of_a_version_open_on_the_page(filled: Database, serve: Serve, browse: Browse) -> None:
    script = """
    (await element(".training:nth-of-type(6) summary")).click();
    await element(".training .curves");
    """
    document = browse(serve(filled, ELEMENT + script) + "/scripted")
    assert "Epoch 3 was kept: 90.0 % of training and 78.0 % of validation images right." in document


@pytest.mark.slow
def test_an_action_that_is_not_confirmed_does_nothing(filled: Database, serve: Serve, browse: Browse) -> None:
    script = """
    (await element("#pause")).click();
    document.getElementById("confirm-no").click();
    """
    browse(serve(filled, ELEMENT + script) + "/scripted")
    with filled.read() as connection:
        assert summary.status(connection, 500).paused is None


@pytest.mark.slow
def test_without_a_key_the_page_says_what_the_server_asks_for(
    filled: Database, serve: Serve, browse: Browse
) -> None:
    document = browse(serve(filled, key="secret"), expected="401")
    assert "Expected a key. Send one." in document
    assert re.search(r'<form id="key-form" class="key wanted" autocomplete="off">', document)
    assert "v3" not in document


@pytest.mark.slow
def test_a_key_that_is_typed_in_opens_the_page(filled: Database, serve: Serve, browse: Browse) -> None:
    script = """
    await element("#key-form.wanted");
    document.getElementById("key").value = "secret";
    document.getElementById("key-form").requestSubmit();
    """
    document = browse(serve(filled, ELEMENT + script, "secret") + "/scripted", expected="401")
    assert "5 images to label." in document
    assert 'class="connection on"' in document
    assert re.search(r'<p id="problem"[^>]*hidden', document)
    # The images too are asked for with the key.
    assert document.count('src="blob:') == 1
