"""Answers unexpected errors: without an answer BentoML would let the client wait, then drop it."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import response_for

_log = logging.getLogger(__name__)


class UnexpectedErrors:
    """ASGI middleware that logs any exception, and answers it in the one shape of errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = is_complete = False

        async def watched_send(message: Message) -> None:
            nonlocal is_started, is_complete
            is_started = True
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:  # the boundary of a request
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if is_complete:
                return  # FastAPI answered, and raises what it answered for
            if is_started:
                raise
            await response_for(error)(scope, receive, send)
