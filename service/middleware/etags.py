"""Answers 304 where a reader has what `/v1` would answer: the dashboard asks every five seconds."""

from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer of several parts is passed on as it comes, and one over this is not held back.
_MAX_BYTES = 4 * 1024 * 1024


class ETags:
    """ASGI middleware that marks each JSON answer to a GET of `/v1` with its hash.

    The answer is made all the same; what is saved is its transfer and the reader's work.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        await self._app(scope, receive, _Marked(send, known).send)


class _Marked:
    """Holds an answer's head back until its body is there, which for JSON is one message."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = known
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            self._head = message
            return
        if self._head is None:
            await self._send(message)
            return
        head, self._head = self._head, None
        body = message.get("body", b"")
        if message.get("more_body") or len(body) > _MAX_BYTES:
            await self._send(head)
            await self._send(message)
            return
        await self._answer(head, body)

    async def _answer(self, head: Message, body: bytes) -> None:
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        headers = MutableHeaders(scope=head)
        headers["ETag"] = tag
        if tag in self._known:
            del headers["content-length"]
            head, body = {**head, "status": 304}, b""
        await self._send(head)
        await self._send({"type": "http.response.body", "body": body})


def _is_json(message: Message) -> bool:
    kind = MutableHeaders(scope=message).get("content-type", "")
    return message["status"] == 200 and kind.startswith("application/json")
