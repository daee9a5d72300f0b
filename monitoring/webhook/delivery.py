"""Sends one message to the webhook, within a time limit, and says what became of it."""

import asyncio
import logging
import random
from dataclasses import dataclass, field

import httpx

from monitoring.webhook.message import body_of, headers_of
from store.notifications import Notification

_FIRST_WAIT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 3600.0
_GROWTH = 4.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where messages go. Neither address nor secret is shown where the settings are: both are keys.

    Attributes:
        url: http or https.
        secret: What messages are signed with; None for no signature.
        request_seconds: One try takes no longer, the receiver's answer included.
        give_up_seconds: A message that waits longer is dropped, with an error in the log.
        poll_seconds: Between two looks at what there is to send.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    request_seconds: float = 10.0
    give_up_seconds: float = 86_400.0
    poll_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message was not taken.

    Attributes:
        error: In words, without addresses or what the receiver said: either may hold a secret.
        retry_after_seconds: What the receiver asked for, if it did.
        is_final: It will never be taken.
    """

    error: str
    retry_after_seconds: float | None = None
    is_final: bool = False


def deliver(notification: Notification, settings: WebhookSettings, timestamp: int) -> Failure | None:
    """Send a message once; return None where the receiver took it, that is, answered 2xx.

    Args:
        notification: The message.
        settings: Where it goes.
        timestamp: Now, in seconds since 1970.
    """
    # httpx logs each request with its whole address.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        return asyncio.run(_post(notification, settings, timestamp))
    except TimeoutError:
        return Failure(f"expected an answer within {settings.request_seconds:g} s, found none")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Failure(f"expected a connection and an answer, found {type(error).__name__}")


def wait_seconds(num_tries: int, failure: Failure, rng: random.Random) -> float:
    """Return how long to wait after a failure: four times longer each time, up to an hour, with jitter.

    Jitter of a half either way keeps servers that failed together from coming back together.

    Args:
        num_tries: How often the message was sent in vain before.
        failure: The last one; where the receiver said when to come back, it is not sooner, within an hour.
        rng: Draws the jitter.

    Returns:
        Seconds, up to 5,400.
    """
    # The exponent is bounded, since a float is.
    wait = min(_FIRST_WAIT_SECONDS * _GROWTH ** min(num_tries, 10), _LONGEST_WAIT_SECONDS)
    asked = min(failure.retry_after_seconds or 0.0, _LONGEST_WAIT_SECONDS)
    return max(wait * rng.uniform(0.5, 1.5), asked)


async def _post(notification: Notification, settings: WebhookSettings, timestamp: int) -> Failure | None:
    body = body_of(notification)
    headers = headers_of(notification, body, settings.secret, timestamp)
    # httpx limits each step; a receiver that sends a byte now and then would never end. The body of its
    # answer is of no use, and may have any length.
    async with (
        asyncio.timeout(settings.request_seconds),
        httpx.AsyncClient(timeout=None) as client,
        client.stream("POST", settings.url, content=body, headers=headers) as answer,
    ):
        return _failure(answer)


def _failure(answer: httpx.Response) -> Failure | None:
    if answer.is_success:
        return None
    # Redirects are not followed: the signed message would go elsewhere.
    error = f"expected an answer 2xx, found {answer.status_code}"
    after = answer.headers.get("retry-after", "")
    return Failure(
        error,
        retry_after_seconds=float(after) if after.isascii() and after.isdigit() else None,
        is_final=answer.status_code == _GONE,
    )
