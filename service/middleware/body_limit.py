"""Caps a request's body, whether it says its length or not."""

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLargeError, MalformedRequestError, ServiceError, answer_for, body_for
from service.uploads import media_type

# A client that is still sending does not read: closing on it would cost it the answer.
LINGER_SECONDS = 10.0
_MAX_DIGITS = 20


class BodyLimit:
    """ASGI middleware that answers 413 instead of passing on more of a body than `max_bytes(path, type)`."""

    def __init__(self, app: ASGIApp, max_bytes: Callable[[str, str], int]) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, up to the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._max_bytes(scope["path"], media_type(headers))
        declared = headers.get("content-length")
        if declared is not None and not (declared.isascii() and declared.isdecimal()):
            await _refuse(
                MalformedRequestError(f"Expected a number as Content-Length, found {declared!r}."),
                scope,
                receive,
                send,
            )
        elif declared is not None and _is_over(declared, limit):
            await _refuse(_too_large(limit, declared), scope, receive, send)
        else:
            # Counted also where it says its length.
            await self._pass_on(limit, scope, receive, send)

    async def _pass_on(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        num_bytes, is_over, is_started = 0, False, False

        async def capped_receive() -> Message:
            nonlocal num_bytes, is_over
            # An exception here would be swallowed on its way up: the body ends, and the answer is replaced.
            if is_over:
                return {"type": "http.disconnect"}
            message = await receive()
            num_bytes += len(message.get("body", b""))
            if num_bytes > limit:
                is_over = True
                return {"type": "http.disconnect"}
            return message

        async def watched_send(message: Message) -> None:
            nonlocal is_started
            if is_over and not is_started:
                return
            is_started = True
            await send(message)

        try:
            await self._app(scope, capped_receive, watched_send)
        finally:
            if is_over and not is_started:
                await _refuse(_too_large(limit, f"over {num_bytes}"), scope, receive, send)


def _is_over(declared: str, limit: int) -> bool:
    digits = declared.lstrip("0")
    # Python reads no numbers of thousands of digits.
    return len(digits) > _MAX_DIGITS or int(digits or "0") > limit


def _too_large(limit: int, size: str) -> BodyTooLargeError:
    return BodyTooLargeError(f"Expected a body of at most {limit} bytes, found {size[:_MAX_DIGITS]}.")


async def _refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    answer = answer_for(error)
    response = JSONResponse(body_for(error), answer.status, {"Connection": "close"})

    async def send_unfinished(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await response(scope, receive, send_unfinished)
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await _drain(receive)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
