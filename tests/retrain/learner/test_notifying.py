"""The learner's messages: none is lost, none is sent twice but after a crash, and then under one id."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from monitoring.webhook.delivery import WebhookSettings
from retrain.learner import notifying
from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.notifying import send_messages, store_messages
from retrain.learner.scheduler import Learner
from retrain.learner.settings import LearnerSettings
from store import learning_state, leases
from store.database.database import Database, now
from store.database.schema import notifications
from store.errors import FencedError
from tests.monitoring.webhook.receiver import Receiver, receiving
from tests.retrain.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def pause(database: Database, reason: str) -> None:
    """Make something to say: learning is paused, for another reason than before."""
    database.write(learning_state.resume)
    database.write(lambda c: learning_state.pause(c, reason, "ada"))


def send(database: Database, receiver: Receiver, **settings: Any) -> int:
    store_messages(database)
    webhook = replace(WebhookSettings(receiver.url, request_seconds=60.0), **settings)
    return send_messages(database, webhook, random.Random(0))


def let_wait_pass(database: Database) -> None:
    database.write(lambda c: c.execute(update(notifications).values(next_try=now(c))) and None)


def received(receiver: Receiver) -> list[str]:
    return [json.loads(body)["details"]["reason"] for _, body in receiver.requests]


def ids(receiver: Receiver) -> list[str]:
    return [headers["x-perennial-id"] for headers, _ in receiver.requests]


def test_what_happens_is_sent_once(small_world: World, receiver: Receiver) -> None:
    database = small_world.database
    assert send(database, receiver) == 0
    pause(database, "one")
    assert send(database, receiver) == 1
    assert send(database, receiver) == 0
    pause(database, "two")
    assert send(database, receiver) == 1
    assert received(receiver) == ["one", "two"]
    assert len(set(ids(receiver))) == 2


@pytest.mark.parametrize("answer", [500, 302, "reset"])
def test_what_was_not_taken_is_sent_again_under_its_id_before_what_came_after(
    small_world: World, receiver: Receiver, answer: Any
) -> None:
    database = small_world.database
    store_messages(database)
    receiver.answers = [answer, answer]
    pause(database, "one")
    assert send(database, receiver) == 0
    assert send(database, receiver) == 0
    assert received(receiver) == ["one"]
    let_wait_pass(database)
    assert send(database, receiver) == 0
    let_wait_pass(database)
    pause(database, "two")
    assert send(database, receiver) == 2
    assert received(receiver) == ["one", "one", "one", "two"]
    assert len(set(ids(receiver))) == 2


def test_a_learner_that_died_before_it_noted_the_delivery_sends_again_under_the_same_id(
    small_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = small_world.database
    store_messages(database)
    pause(database, "one")

    def die(*_: Any) -> None:
        raise FencedError("The lease is another's.")

    with monkeypatch.context() as patched:
        patched.setattr(notifying, "note_delivered", die)
        with pytest.raises(FencedError):
            send(database, receiver)

    assert send(database, receiver) == 1
    assert received(receiver) == ["one", "one"]
    assert len(set(ids(receiver))) == 1


def test_what_was_stored_before_a_restart_is_sent_after_it(small_world: World, receiver: Receiver) -> None:
    store_messages(small_world.database)
    pause(small_world.database, "one")
    assert store_messages(small_world.database) == 1
    restarted = Database(small_world.url)
    assert send(restarted, receiver) == 1
    restarted.close()
    assert received(receiver) == ["one"]


@pytest.mark.parametrize(("answers", "hours"), [([410], 24.0), ([500], 0.0)])
def test_a_message_is_given_up_where_the_receiver_is_gone_or_the_time_is_over(
    small_world: World,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    answers: list[int],
    hours: float,
) -> None:
    database = small_world.database
    store_messages(database)
    receiver.answers = list(answers)
    pause(database, "one")
    assert send(database, receiver, give_up_seconds=3600 * hours) == 0
    let_wait_pass(database)
    assert send(database, receiver) == 0
    assert received(receiver) == ["one"]
    [error] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "learning_paused is given up" in error
    assert "Learning is paused by ada. one" in error
    assert "a-secret-path" not in caplog.text


def test_one_run_sends_twenty_messages_at_most(small_world: World, receiver: Receiver) -> None:
    database = small_world.database
    store_messages(database)
    for number in range(21):
        pause(database, str(number))
        store_messages(database)
    assert send(database, receiver) == 20
    assert send(database, receiver) == 1
    assert received(receiver) == [str(number) for number in range(21)]


def test_a_learner_that_stops_sends_nothing_more(small_world: World, receiver: Receiver) -> None:
    store_messages(small_world.database)
    pause(small_world.database, "one")
    store_messages(small_world.database)
    webhook = WebhookSettings(receiver.url)
    assert send_messages(small_world.database, webhook, random.Random(0), lambda: True) == 0
    assert receiver.requests == []


def test_a_learner_without_the_lease_sends_nothing(small_world: World, receiver: Receiver) -> None:
    store_messages(small_world.database)
    pause(small_world.database, "one")
    settings = LearnerSettings(child_command=(), holder="second", webhook=WebhookSettings(receiver.url))
    learner = Learner(small_world.database, small_world.blobs, settings)
    take = partial(leases.acquire, holder="first", seconds=60)
    small_world.database.write(take)
    learner.hold_lease()
    learner.send_messages()
    assert receiver.requests == []
    small_world.database.write(lambda c: leases.release(c, "first"))
    learner.hold_lease()
    learner.send_messages()
    assert received(receiver) == ["one"]


def test_nothing_is_stored_under_a_lease_that_has_gone(small_world: World) -> None:
    store_messages(small_world.database)
    pause(small_world.database, "one")
    with pytest.raises(FencedError):
        store_messages(FencedDatabase(small_world.database, small_world.acquire_lease() - 1))
