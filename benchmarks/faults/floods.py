"""Faults that clients make: half-sent heads, heads without end, JSON without end."""

import contextlib
import json
import socket
import time
from urllib.parse import urlsplit

import httpx

NUM_HALF_SENT = 400
_HOLD_SECONDS = 20.0


def half_sent_heads(url: str) -> str | None:
    """Hold four hundred connections with half a head each; return what is wrong, None if nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(NUM_HALF_SENT):
            with contextlib.suppress(OSError):
                stack.enter_context(_connected(url)).sendall(b"POST /v1/predict HTTP/1.1\r\nhost: ")
        time.sleep(_HOLD_SECONDS)
    return None


def large_head(url: str) -> str | None:
    """Send one header of 100 MB, thirty times; return what is wrong, None if nothing."""
    for _ in range(30):
        answer = b""
        with contextlib.suppress(OSError), _connected(url) as connection:
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\nx-large: ")
            for _ in range(100):
                connection.sendall(b"x" * 1_000_000)
            connection.sendall(b"\r\n\r\n")
            answer = connection.recv(100)
        if answer and not answer.startswith(b"HTTP/1.1 4"):
            return f"a header of 100 MB was answered {answer[:20]!r}"
    return None


def large_json(url: str) -> str | None:
    """Send 20 MB of JSON with a million names, four times; return what is wrong, None if nothing."""
    body = json.dumps({f"name{number:012}": number for number in range(1_000_000)})
    for _ in range(4):
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.post(
                f"{url}/v1/feedback",
                content=body,
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            if not 400 <= answer.status_code < 500:
                return f"20 MB of JSON were answered {answer.status_code}"
    return None


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=10)
