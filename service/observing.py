"""Counts and times every answer, and answers what no handler foresaw."""

import logging
import time
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import answer_for, body_for

OTHER_ROUTE = "other"

_log = logging.getLogger(__name__)


class Observe:
    """ASGI middleware that tells (route template, method, status, seconds) of each answer."""

    def __init__(self, app: ASGIApp, observe: Callable[[str, str, int, float], None]) -> None:
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
        except Exception as error:  # the boundary of a request: without an answer its connection would drop
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if status:
                raise
            answer = answer_for(error)
            await JSONResponse(body_for(error), answer.status, answer.headers)(scope, receive, watched_send)
        finally:
            # The template, never the path: paths hold ids, and scanners make them up without end.
            template = getattr(scope.get("route"), "path", None) or OTHER_ROUTE
            self._observe(template, scope["method"], status or 499, time.perf_counter() - begun)
