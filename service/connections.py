"""Limits what a client may cost before its request reaches the application: bytes, time and connections."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.errors import (
    HeadTooLargeError,
    MalformedRequestError,
    RequestTimeoutError,
    ServiceError,
    response_for,
)
from service.middleware.answer_headers import NO_GUESSING, NO_KEEPING
from service.settings import ConnectionSettings

# What a connection waits for its client to do: to begin a request, to end its head, to end its body, or to
# read the refusal and hang up.
Wait = Literal["request", "head", "body", "end"]


class BoundedProtocol(HttpToolsProtocol):
    """One connection of uvicorn's, with limits on its head, its body's time, its idleness and its number.

    Where all places are taken, the peer that holds most of them loses the one that has waited for longest.
    So half-sent requests keep nobody out, and a reverse proxy may have all places while nobody else comes.
    """

    def __init__(self, *, settings: ConnectionSettings, **given: Any) -> None:
        super().__init__(**given)
        self.timeout_keep_alive = settings.keep_alive_seconds  # type: ignore[assignment]  # any number will do
        # We have none.
        self.ws_protocol_class = None
        self._settings = settings
        self._seconds = {
            "request": settings.keep_alive_seconds,
            "head": settings.head_seconds,
            "body": settings.body_seconds,
            "end": settings.linger_seconds,
        }
        self._waits_for: Wait | None = None
        self._since = 0.0
        self._write_paused_since: float | None = None
        # Since the last byte of a body: of a head, of chunks' frames, or of trailers.
        self._num_unread_bytes = 0
        self._checking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a place, and begin to watch the time."""
        super().connection_made(transport)
        self._wait_for("request")
        self._check()
        if len(self.connections) > self._settings.max_connections:
            self._make_place()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._checking is not None:
            self._checking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end; what comes after a refusal is dropped."""
        if self._waits_for == "end":
            return
        self._num_unread_bytes += len(data)
        super().data_received(data)
        if self._num_unread_bytes > self._settings.max_head_bytes:
            self._refuse(self._head_too_large())

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._wait_for("head")

    def on_headers_complete(self) -> None:
        """End a head: the application is called, unless the head is too large."""
        if self._num_head_bytes() > self._settings.max_head_bytes:
            # The parser stops.
            raise self._head_too_large()
        self._wait_for("body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        self._num_unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a body: from now on the client waits for us, unless it was answered before."""
        self._num_unread_bytes = 0
        super().on_message_complete()
        self._wait_for("request" if self.cycle.response_complete else None)

    def on_response_complete(self) -> None:
        """End an answer: from now on we wait for the next request, unless one waits already."""
        super().on_response_complete()
        if self._waits_for is None and self.cycle.response_complete:
            self._wait_for("request")

    def send_400_response(self, msg: str) -> None:
        """Answer a request that the parser refused; uvicorn calls it, and would answer text."""
        if self._waits_for == "head" and self._num_head_bytes() > self._settings.max_head_bytes:
            self._refuse(self._head_too_large())
        else:
            self._refuse(MalformedRequestError("Expected a request in HTTP/1.1, found something else."))

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        super().pause_writing()
        self._write_paused_since = self.loop.time()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._write_paused_since = None

    def _wait_for(self, what: Wait | None) -> None:
        self._waits_for, self._since = what, self.loop.time()

    def _check(self) -> None:
        """Close the connection where its time is over, or look again soon."""
        self._checking = self.loop.call_later(self._settings.check_seconds, self._check)
        now = self.loop.time()
        if self._write_paused_since is not None and now - self._write_paused_since > self._seconds["body"]:
            self.transport.abort()
        if self._waits_for is None or now - self._since <= self._seconds[self._waits_for]:
            return
        if self._waits_for in ("request", "end"):
            self.transport.abort()
        else:
            self._refuse(
                RequestTimeoutError(
                    f"Expected the whole {self._waits_for} of a request within "
                    f"{self._seconds[self._waits_for]:g} s, found that it had not ended."
                )
            )

    def _make_place(self) -> None:
        """Close the longest-waiting connection of the peer that holds most."""
        own = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        num_held = Counter(each.peer for each in own)
        waiting = [each for each in own if each._waits_for is not None]
        closed = max(waiting, key=lambda each: (num_held[each.peer], -each._since))
        # At once, since others may come before it is lost.
        self.connections.discard(closed)
        closed.transport.abort()

    @property
    def peer(self) -> str | None:
        """The address of the other end; None for a socket of this machine's file system."""
        return self.client[0] if self.client else None

    def _num_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def _head_too_large(self) -> HeadTooLargeError:
        return HeadTooLargeError(
            f"Expected a request's line and headers of at most {self._settings.max_head_bytes} bytes, "
            "found more."
        )

    def _refuse(self, error: ServiceError) -> None:
        """Answer in the application's place, then drop what comes until the client has read and hung up."""
        if self._waits_for == "end" or self.transport.is_closing():
            return
        cycle, is_in_body = self.cycle, self._waits_for == "body"
        if cycle is not None:
            # The application sees that its client has gone, and what it still answers is dropped.
            cycle.disconnected = True
            cycle.message_event.set()
        is_answered = cycle is not None and (
            cycle.response_started if is_in_body else not cycle.response_complete
        )
        if is_answered or self.pipeline:
            # Another answer is on its way, or was sent: this one would be read as its part.
            self.transport.abort()
            return
        self._wait_for("end")
        self.transport.write(_answer(error))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()


def bounded_protocol(settings: ConnectionSettings) -> Callable[..., BoundedProtocol]:
    """Return what uvicorn makes each connection of."""

    def make(**given: Any) -> BoundedProtocol:
        return BoundedProtocol(settings=settings, **given)

    return make


def _answer(error: ServiceError) -> bytes:
    response = response_for(error)
    response.headers.update(dict((NO_GUESSING, NO_KEEPING, ("Connection", "close"))))
    lines = [STATUS_LINE[response.status_code], *(b"%s: %s\r\n" % header for header in response.raw_headers)]
    return b"".join([*lines, b"\r\n", bytes(response.body)])
