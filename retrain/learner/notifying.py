"""The learner's job that stores what there is to say to the webhook, and sends what is stored."""

import logging
import random
import time
from collections.abc import Callable

from monitoring.webhook.delivery import Failure, WebhookSettings, deliver, wait_seconds
from monitoring.webhook.news import collect
from store.database.database import Database
from store.notifications import (
    Notification,
    begin_notifying,
    next_due,
    note_delivered,
    note_failure,
    notified_since,
    store_news,
    without_message,
)

log = logging.getLogger(__name__)

# One run of the job sends no more, so that a learner that stops doesn't wait for a long queue.
_MAX_AT_ONCE = 20


def store_messages(database: Database) -> int:
    """Store a message of each thing that has none yet; return how many.

    The first call only notes from when on messages are sent: nobody wants those of the years before.
    """
    with database.read() as connection:
        since = notified_since(connection)
        news = [] if since is None else without_message(connection, collect(connection, since))
    if since is None:
        database.write(begin_notifying)
    return database.write(lambda c: store_news(c, news)) if news else 0


def send_messages(
    database: Database,
    settings: WebhookSettings,
    rng: random.Random,
    is_stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Send the messages that are due, until one is not taken; return how many were.

    A message is marked as delivered after the receiver took it. Where the learner dies between the two, the
    next one sends it again, under the same id.

    Args:
        database: Where they are.
        settings: Where they go.
        rng: Draws how long a message waits that was not taken.
        is_stopped: Whether the learner stops.
    """
    for num_delivered in range(_MAX_AT_ONCE):
        with database.read() as connection:
            message = None if is_stopped() else next_due(connection)
        if message is None or not _send(database, message, settings, rng):
            return num_delivered
    return _MAX_AT_ONCE


def _send(database: Database, message: Notification, settings: WebhookSettings, rng: random.Random) -> bool:
    moment = time.time()
    failure = deliver(message, settings, int(moment))
    if failure is None:
        database.write(lambda c: note_delivered(c, message.id))
        return True
    wait = wait_seconds(message.num_tries, failure, rng)
    is_given_up = failure.is_final or moment + wait > message.created.timestamp() + settings.give_up_seconds
    database.write(lambda c: note_failure(c, message.id, failure.error, None if is_given_up else wait))
    _log_failure(message, failure, None if is_given_up else wait)
    return False


def _log_failure(message: Notification, failure: Failure, wait: float | None) -> None:
    if wait is None:
        log.error("webhook: %s is given up: %s. It said: %s", message.kind, failure.error, message.text)
    else:
        log.warning("webhook: %s is sent again in %.0f s: %s", message.kind, wait, failure.error)
