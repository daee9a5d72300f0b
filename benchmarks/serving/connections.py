"""Kept-alive HTTP/1.1 connections that cost little, since the benchmark shares the server's cores.

A request by aiohttp takes 0.31 ms of a core, a fortieth of what an image takes where a server answers in
8-bit integers; on one of these, by uvloop, it takes 0.12 ms.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

_TIMEOUT_SECONDS = 120.0
_BOUNDARY = b"boundary-of-the-parts"
#: What is sent with a form.
FORM = f"multipart/form-data; boundary={_BOUNDARY.decode()}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        status: Of HTTP.
        body: As it came.
    """

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class UnansweredError(ConnectionError):
    """A connection that was used before ended without a byte of this answer: it was closed while we sent."""


class Connections:
    """Connections to servers, as many as there are requests at the same time.

    Attributes:
        num_asked_again: Requests that met a closing connection, and were sent once more on a new one.
    """

    def __init__(self) -> None:
        self.num_asked_again = 0
        self._idle: dict[str, list[_Connection]] = {}

    async def __aenter__(self) -> "Connections":
        return self

    async def __aexit__(self, *error: object) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()

    async def post(self, url: str, content_type: str, *body: bytes) -> Reply:
        """Send a body, in parts that are joined on the way; once more where a kept connection was closing.

        Raises:
            OSError: The connection broke, or no answer came in two minutes.
        """
        try:
            return await self._post(url, content_type, *body)
        except UnansweredError:
            self.num_asked_again += 1
            # The others were left alone for as long.
            for connection in self._idle.pop(urlsplit(url).netloc, []):
                connection.close()
            return await self._post(url, content_type, *body)

    async def _post(self, url: str, content_type: str, *body: bytes) -> Reply:
        parts = urlsplit(url)
        connection = await self._idle_or_new(parts.netloc)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: {content_type}\r\n"
            f"content-length: {sum(map(len, body))}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                reply = await connection.request(head.encode(), *body)
        except BaseException:
            # An answer that still comes must not be read as the next request's.
            connection.close()
            raise
        if connection.is_open:
            self._idle.setdefault(parts.netloc, []).append(connection)
        else:
            connection.close()
        return reply

    async def _idle_or_new(self, netloc: str) -> "_Connection":
        idle = self._idle.get(netloc, [])
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        host, _, port = netloc.partition(":")
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, host, int(port))
        return connection


class _Connection(asyncio.Protocol):
    is_open = False
    _num_replies = 0
    _is_answered = False

    async def request(self, *parts: bytes) -> Reply:
        self._is_answered = False
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._transport.writelines(parts)
        return await self._reply

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if hasattr(self, "_reply") and not self._reply.done():
            is_unanswered = self._num_replies > 0 and not self._is_answered
            kind = UnansweredError if is_unanswered else ConnectionError
            self._reply.set_exception(kind(f"The server closed the connection ({error})."))

    def data_received(self, data: bytes) -> None:
        self._is_answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._transport.abort()
            if not self._reply.done():
                self._reply.set_exception(ConnectionError(f"Expected an answer of HTTP ({error})."))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.is_open = False
        self._num_replies += 1
        if not self._reply.done():
            self._reply.set_result(Reply(self._parser.get_status_code(), b"".join(self._body)))


def form_of(fields: Mapping[str, str], image_name: str, image: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the body of a form with texts and one JPEG, in parts that need not be joined."""
    texts = b"".join(
        b'--%b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (_BOUNDARY, name.encode(), value.encode())
        for name, value in fields.items()
    )
    head = (
        b'--%b\r\ncontent-disposition: form-data; name="%b"; filename="photograph.jpg"\r\n'
        b"content-type: image/jpeg\r\n\r\n" % (_BOUNDARY, image_name.encode())
    )
    return texts + head, image, b"\r\n--%b--\r\n" % _BOUNDARY
