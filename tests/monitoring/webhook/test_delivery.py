import hmac
import json
import logging
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from monitoring.webhook.delivery import Failure, WebhookSettings, deliver, wait_seconds
from store.notifications import Notification
from tests.monitoring.webhook.receiver import free_port, receiving

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "a secret of sixteen"
TIMESTAMP = 1_777_636_800


def notification(text: str = "Round 12 was rejected.") -> Notification:
    return Notification(7, "0" * 32, "round_rejected", text, {"round": 12}, NOON, NOON, 0)


def test_a_message_is_json_that_slack_shows_with_what_programs_read_beside_it() -> None:
    with receiving() as receiver:
        assert deliver(notification(), WebhookSettings(receiver.url), TIMESTAMP) is None
        [(headers, body)] = receiver.requests
    assert headers["content-type"] == "application/json"
    assert headers["x-perennial-id"] == "0" * 32
    assert "x-perennial-signature" not in headers
    assert json.loads(body) == {
        "text": "Round 12 was rejected.",
        "sentence": "Round 12 was rejected.",
        "id": "0" * 32,
        "kind": "round_rejected",
        "happened": "2026-05-01T12:00:00+00:00",
        "details": {"round": 12},
    }


def test_what_slack_gives_a_meaning_is_escaped_in_its_text() -> None:
    with receiving() as receiver:
        deliver(notification("Class <!channel> & bees"), WebhookSettings(receiver.url), TIMESTAMP)
        [(_, body)] = receiver.requests
    assert json.loads(body)["text"] == "Class &lt;!channel&gt; &amp; bees"
    assert json.loads(body)["sentence"] == "Class <!channel> & bees"


def test_a_message_is_signed_over_its_time_and_its_bytes() -> None:
    with receiving() as receiver:
        assert deliver(notification(), WebhookSettings(receiver.url, SECRET), TIMESTAMP) is None
        [(headers, body)] = receiver.requests
    assert headers["x-perennial-timestamp"] == str(TIMESTAMP)
    signed = str(TIMESTAMP).encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    assert headers["x-perennial-signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_any_other_answer_than_2xx_is_a_failure_to_be_tried_again(status: int) -> None:
    with receiving([status], {"Location": "http://127.0.0.1:1/"}) as receiver:
        failure = deliver(notification(), WebhookSettings(receiver.url), TIMESTAMP)
        assert len(receiver.requests) == 1
    assert failure == Failure(f"expected an answer 2xx, found {status}")


def test_gone_is_final() -> None:
    with receiving([410]) as receiver:
        failure = deliver(notification(), WebhookSettings(receiver.url), TIMESTAMP)
    assert failure is not None
    assert failure.is_final


def test_a_receiver_may_say_when_to_come_back() -> None:
    with receiving([429], {"Retry-After": "30"}) as receiver:
        failure = deliver(notification(), WebhookSettings(receiver.url), TIMESTAMP)
    assert failure is not None
    assert failure.retry_after_seconds == 30
    assert 30 <= wait_seconds(0, failure, random.Random(0)) <= 31


@pytest.mark.parametrize("answer", ["silence", "drip"])
def test_a_receiver_that_does_not_come_to_an_end_is_left_after_the_time_limit(answer: str) -> None:
    with receiving([answer]) as receiver:
        settings = WebhookSettings(receiver.url, request_seconds=0.3)
        failure = deliver(notification(), settings, TIMESTAMP)
    assert failure == Failure("expected an answer within 0.3 s, found none")


def test_a_connection_that_is_cut_is_a_failure() -> None:
    with receiving(["reset"]) as receiver:
        failure = deliver(notification(), WebhookSettings(receiver.url), TIMESTAMP)
    assert failure is not None
    assert failure.error.startswith("expected a connection and an answer, found ")


def test_a_receiver_that_is_away_is_a_failure() -> None:
    settings = WebhookSettings(f"http://127.0.0.1:{free_port()}/")
    failure = deliver(notification(), settings, TIMESTAMP)
    assert failure == Failure("expected a connection and an answer, found ConnectError")


def test_neither_address_nor_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving([500]) as receiver:
        settings = WebhookSettings(receiver.url, SECRET)
        failure = deliver(notification(), settings, TIMESTAMP)
    shown = f"{caplog.text}{settings}{failure}"
    assert "WebhookSettings" in shown
    assert "a-secret-path" not in shown
    assert SECRET not in shown


def test_waits_grow_fourfold_up_to_an_hour_and_differ_by_half() -> None:
    failure = Failure("expected an answer 2xx, found 500")

    class Middle(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return (a + b) / 2

    waits = [wait_seconds(num_tries, failure, Middle()) for num_tries in range(7)]
    assert waits == [5, 20, 80, 320, 1280, 3600, 3600]
    assert wait_seconds(10_000, failure, Middle()) == 3600
    rng = random.Random(0)
    drawn = [wait_seconds(0, failure, rng) for _ in range(1000)]
    assert 2.5 <= min(drawn) < 2.6
    assert 7.4 < max(drawn) <= 7.5


def test_the_hour_bounds_what_a_receiver_asks_for() -> None:
    asked: Any = Failure("expected an answer 2xx, found 503", retry_after_seconds=1e9)
    assert wait_seconds(0, asked, random.Random(0)) == 3600
