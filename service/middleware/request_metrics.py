"""Counts and times every answer, also of requests that were refused before they reached a route."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER = "other"
# A client may send any method.
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
# Named also where a request was refused before its route was known.
BUSIEST_PATHS = frozenset({"/v1/predict", "/v1/predict/batch", "/v1/feedback"})

# Route template, method, status and seconds.
Observation = Callable[[str, str, int, float], None]


class RequestMetrics:
    """ASGI middleware that reports each answer to `observe`."""

    def __init__(self, app: ASGIApp, observe: Observation) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on and time it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            self._observe(_template_of(scope), method, status or 499, time.perf_counter() - begun)


def _template_of(scope: Scope) -> str:
    # The template, never the path: paths hold ids, and scanners make them up without end.
    path = scope["path"] if scope["path"] in BUSIEST_PATHS else None
    return getattr(scope.get("route"), "path", None) or path or OTHER
