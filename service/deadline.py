"""Gives up requests that take too long."""

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import TooSlowError, answer_for, body_for


class Deadline:
    """ASGI middleware that gives up a request whose answer has not begun in time."""

    def __init__(self, app: ASGIApp, timeout: float) -> None:
        """Give each request `timeout` seconds: BentoML calls it by that name."""
        self._app = app
        self._seconds = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer 408."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_begun = False
        try:
            async with asyncio.timeout(self._seconds) as deadline:

                async def begun_send(message: Message) -> None:
                    nonlocal is_begun
                    # What has begun may take its time: its client is there and reads.
                    if not is_begun and not deadline.expired():
                        deadline.reschedule(None)
                    is_begun = True
                    await send(message)

                await self._app(scope, receive, begun_send)
        except TimeoutError:
            if is_begun or not deadline.expired():
                raise
            error = TooSlowError(f"Expected a whole request within {self._seconds:g} seconds, found a part.")
            # Or the connection would stay for the rest of a body that comes too slowly.
            headers = {"Connection": "close"}
            await JSONResponse(body_for(error), answer_for(error).status, headers)(scope, receive, send)
