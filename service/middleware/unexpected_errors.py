"""Answers what fails or takes too long: BentoML would let the client wait, then drop it."""

import asyncio
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import AnswerTimeoutError, response_for

_log = logging.getLogger(__name__)

# From a request's head until its answer begins: longer than its body may take.
ANSWER_SECONDS = 110.0


class UnexpectedErrors:
    """ASGI middleware that logs any exception, and answers it in the one shape of errors.

    An answer that has not begun in time is given up, and answered like that too: the log names it in a line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = is_complete = False
        time_limit = asyncio.timeout(ANSWER_SECONDS)

        async def watched_send(message: Message) -> None:
            nonlocal is_started, is_complete
            if not is_started and not time_limit.expired():
                time_limit.reschedule(None)
            is_started = True
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            async with time_limit:
                await self._app(scope, receive, watched_send)
        except Exception as error:  # the boundary of a request
            is_too_late = time_limit.expired() and isinstance(error, TimeoutError)
            if is_too_late:
                _log.error("%s %s: no answer in %g s", scope["method"], scope["path"], ANSWER_SECONDS)
                error = AnswerTimeoutError(f"Expected an answer within {ANSWER_SECONDS:g} s, found none.")
            else:
                _log.exception("%s %s failed", scope["method"], scope["path"])
            if is_complete:
                return  # FastAPI answered, and raises what it answered for
            if is_started:
                raise
            await response_for(error)(scope, receive, send)
