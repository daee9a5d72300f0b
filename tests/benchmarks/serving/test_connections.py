"""The benchmarks' own client: it keeps connections, and a broken one counts as failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import policy
from email.parser import BytesParser
from itertools import repeat

import pytest

from benchmarks.serving.connections import FORM, Connections, form_of
from benchmarks.serving.load import closed_loop, raw

pytestmark = pytest.mark.anyio

Answer = Callable[[bytes], bytes]


class _Server:
    """Answers each request's body with the bytes that a test makes of it; empty ones end the connection."""

    def __init__(self, answer: Answer) -> None:
        self.num_connections = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.num_connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                answer = self._answer(await reader.readexactly(length))
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass  # the client has gone
        finally:
            writer.close()


@asynccontextmanager
async def _running(answer: Answer) -> AsyncIterator[tuple[_Server, str]]:
    server = _Server(answer)
    started = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
    try:
        yield server, f"http://127.0.0.1:{started.sockets[0].getsockname()[1]}/path"
    finally:
        started.close()


def _reply(status: str, body: bytes = b"", header: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{header}content-length: {len(body)}\r\n\r\n".encode() + body


async def _post(send: Callable[[Connections, str], Awaitable[None]], answer: Answer) -> int:
    async with _running(answer) as (server, url), Connections() as connections:
        await send(connections, url)
        return server.num_connections


async def test_an_answer_has_its_status_and_its_body_and_the_connection_stays() -> None:
    async def send(connections: Connections, url: str) -> None:
        for number in range(3):
            body = str(number).encode()
            reply = await connections.post(url, "text/plain", b"[", body, b"]")
            assert (reply.status, reply.json()) == (201, [number])

    assert await _post(send, lambda body: _reply("201 Created", body)) == 1


async def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    async def send(connections: Connections, url: str) -> None:
        for _ in range(2):
            assert (await connections.post(url, "text/plain", b"x")).status == 200

    assert await _post(send, lambda body: _reply("200 OK", header="connection: close\r\n")) == 2


async def test_a_kept_connection_that_closes_meanwhile_is_asked_again_on_a_new_one() -> None:
    answers = iter([_reply("200 OK"), b"", _reply("200 OK"), b"", b""])

    async def send(connections: Connections, url: str) -> None:
        for _ in range(2):
            assert (await connections.post(url, "text/plain", b"x")).status == 200
        assert connections.num_asked_again == 1
        with pytest.raises(ConnectionError):
            await connections.post(url, "text/plain", b"x")
        assert connections.num_asked_again == 2

    assert await _post(send, lambda body: next(answers)) == 3


@pytest.mark.parametrize("answer", [b"", b"not HTTP at all\r\n\r\n"])
async def test_a_broken_connection_is_an_error_and_counts_as_failed(answer: bytes) -> None:
    async def send(connections: Connections, url: str) -> None:
        with pytest.raises(ConnectionError):
            await connections.post(url, "text/plain", b"x")
        answers = await closed_loop(raw(url), repeat(b"x"), connections=2, seconds=0.05)
        assert answers.latencies == []
        assert answers.num_failed == answers.statuses[0] > 0

    assert await _post(send, lambda body: answer) > 1


async def test_a_refusal_is_neither_an_answer_nor_a_failure() -> None:
    async def send(connections: Connections, url: str) -> None:
        answers = await closed_loop(raw(url), repeat(b"x"), connections=2, seconds=0.05)
        assert answers.latencies == []
        assert len(answers.refusals) == answers.statuses[429] > 0
        assert answers.num_failed == 0

    assert await _post(send, lambda body: _reply("429 Too Many Requests")) == 2


def test_a_form_is_read_by_others() -> None:
    image = bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"")
    body = b"".join(form_of({"label": "ants"}, "image", image))
    message = BytesParser(policy=policy.default).parsebytes(f"Content-Type: {FORM}\r\n\r\n".encode() + body)
    label, photograph = message.iter_parts()
    assert label.get_param("name", header="content-disposition") == "label"
    assert label.get_payload(decode=True) == b"ants"
    assert photograph.get_content_type() == "image/jpeg"
    assert photograph.get_payload(decode=True) == image
