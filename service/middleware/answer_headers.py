"""Keeps browsers from guessing what an answer is, and everybody from keeping it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_GUESSING = ("X-Content-Type-Options", "nosniff")
NO_KEEPING = ("Cache-Control", "no-store")


class AnswerHeaders:
    """ASGI middleware that adds both headers to answers that do not set them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault(*NO_GUESSING)
                headers.setdefault(*NO_KEEPING)
            await send(message)

        await self._app(scope, receive, send_with_headers)
