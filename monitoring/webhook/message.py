"""How a message to the webhook looks: JSON that Slack understands, with a signature."""

import hmac
import json

from store.notifications import Notification

SIGNATURE_HEADER = "X-Perennial-Signature"
TIMESTAMP_HEADER = "X-Perennial-Timestamp"
ID_HEADER = "X-Perennial-Id"


def body_of(notification: Notification) -> bytes:
    """Return the body of a message.

    `text` is what Slack shows: there `<!channel>` in the name of a class would call everybody, so the three
    characters that Slack gives a meaning are escaped as it asks for. `sentence` is the same, unescaped.
    """
    body = {
        "text": _escaped(notification.text),
        "id": notification.uid,
        "kind": notification.kind,
        "sentence": notification.text,
        "happened": notification.happened.isoformat(),
        "details": notification.details,
    }
    return json.dumps(body).encode()


def headers_of(notification: Notification, body: bytes, secret: str | None, timestamp: int) -> dict[str, str]:
    """Return the headers of a message; without a secret it has no signature.

    Args:
        notification: The message.
        body: Its bytes, as they are sent.
        secret: What sender and receiver know.
        timestamp: Now, in seconds since 1970: signed too, so that a receiver can refuse an old copy.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "perennial-webhook",
        ID_HEADER: notification.uid,
        TIMESTAMP_HEADER: str(timestamp),
    }
    if secret is not None:
        headers[SIGNATURE_HEADER] = signature(body, secret, timestamp)
    return headers


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Return "sha256=" and the HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal.

    >>> signature(b"{}", "a secret of sixteen", 1700000000)[:20]
    'sha256=9e0f98fb6d96a'
    """
    signed = f"{timestamp}.".encode() + body
    return f"sha256={hmac.digest(secret.encode(), signed, 'sha256').hex()}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
