"""What the how-to page tells a receiver to do works on what is sent, and refuses everything else."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring.webhook.delivery import WebhookSettings, deliver
from store.notifications import Notification
from tests.monitoring.webhook.receiver import receiving

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "get-told.md").read_text(encoding="utf-8")
SECRET = "at-least-sixteen-characters"
Headers = dict[str, str]


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    check: Callable[..., bool] = names["is_genuine"]
    return check


def sent(timestamp: float) -> tuple[Headers, bytes]:
    """Return headers and body of a message as a receiver gets it, sent at a time."""
    moment = datetime.now(UTC)
    message = Notification(1, "0" * 32, "promoted", "v2 is production.", {}, moment, moment, 0)
    with receiving() as receiver:
        deliver(message, WebhookSettings(receiver.url, SECRET), int(timestamp))
        [(headers, body)] = receiver.requests
    return {name.title(): text for name, text in headers.items()}, body


def test_the_check_of_the_page_accepts_what_is_sent(is_genuine: Callable[..., bool]) -> None:
    headers, body = sent(time.time())
    assert is_genuine(headers, body, SECRET)


def test_the_check_of_the_page_refuses_other_bytes_secrets_times_and_old_copies(
    is_genuine: Callable[..., bool],
) -> None:
    headers, body = sent(time.time())
    assert not is_genuine(headers, body + b" ", SECRET)
    assert not is_genuine(headers, body, SECRET + "s")
    later = str(int(headers["X-Perennial-Timestamp"]) + 1)
    assert not is_genuine({**headers, "X-Perennial-Timestamp": later}, body, SECRET)
    old_headers, old_body = sent(time.time() - 600)
    assert not is_genuine(old_headers, old_body, SECRET)


def test_the_page_lists_every_kind() -> None:
    listed = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    states = {"rejected", "failed", "awaiting_labels", "awaiting_approval"}
    assert listed == {f"round_{state}" for state in states} | {
        "promoted",
        "rolled_back",
        "alarm",
        "learning_paused",
        "sources_named",
    }
