"""What a client may cost before its request reaches the application, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from service.connections import bounded_protocol
from service.settings import ConnectionSettings

pytestmark = pytest.mark.anyio

SHORT = ConnectionSettings(
    keep_alive_seconds=60, head_seconds=0.05, body_seconds=0.05, linger_seconds=0.05, check_seconds=0.01
)
LONG = ConnectionSettings()
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
LARGE_BYTES = 2**24


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the number of bytes of the body, or at once, or very much."""
    num_bytes, is_whole = 0, scope["path"] == "/at-once"
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        num_bytes += len(message["body"])
        is_whole = not message["more_body"]
    body = b"x" * LARGE_BYTES if scope["path"] == "/large" else b"%d" % num_bytes
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


class Connect:
    """Opens connections to a server, and shows which the server holds."""

    def __init__(self, server: uvicorn.Server) -> None:
        self.connections = server.server_state.connections
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, sent: bytes = b"", host: str = "127.0.0.1") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))
        self.writers.append(writer)
        writer.write(sent)
        return reader


@asynccontextmanager
async def serving(settings: ConnectionSettings) -> AsyncIterator[Connect]:
    """Serve the app, and yield what connects to it."""
    http: Any = bounded_protocol(settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, http=http))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    connect = Connect(server)
    try:
        yield connect
    finally:
        for writer in connect.writers:
            writer.close()
        server.should_exit = True
        await running


async def status_of(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(10):
        return int((await reader.readline()).split()[1])


async def refusal(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Return the status and the code of the one answer of a connection that the server closes."""
    async with asyncio.timeout(10):
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head
    assert b"connection: close" in head
    assert b"x-content-type-options: nosniff" in head
    error = json.loads(body)["error"]
    assert error.keys() == {"code", "message", "remedy"}
    return int(head.split()[1]), error["code"]


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(10):
            return not await reader.read()
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        GET + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        GET + b"X: y\r\n" * 20_000 + b"\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        GET + b"X: " + b"x" * 2**20,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " + b"x" * 2**20,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2**20,
    ],
    ids=["a header", "many headers", "the address", "no end", "a trailer", "a chunk's extension"],
)
async def test_what_is_no_body_is_refused_past_64_kib(sent: bytes) -> None:
    async with serving(LONG) as connect:
        assert await refusal(await connect(sent)) == (431, "head_too_large")


async def test_a_head_under_the_limit_and_a_large_body_pass() -> None:
    chunk = b"10000\r\n" + b"x" * 2**16 + b"\r\n"
    async with serving(LONG) as connect:
        assert await status_of(await connect(GET + b"X: " + b"x" * 60_000 + b"\r\n\r\n")) == 200
        chunked = await connect(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 32 + b"0\r\n\r\n")
        assert (await chunked.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await chunked.readexactly(7) == b"%d" % (32 * 2**16)


@pytest.mark.parametrize("sent", [GET, POST + b"Content-Length: 10\r\n\r\nhalf"], ids=["head", "body"])
async def test_a_request_that_is_not_sent_in_time_is_answered_408(sent: bytes) -> None:
    async with serving(SHORT) as connect:
        assert await refusal(await connect(sent)) == (408, "request_timeout")


async def test_a_body_that_never_ends_after_its_answer_is_closed_without_another_answer() -> None:
    async with serving(SHORT) as connect:
        reader = await connect(b"POST /at-once HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(1) == b"0"
        assert await is_closed(reader)


async def test_an_idle_connection_is_closed_whether_it_was_used_or_not() -> None:
    async with serving(replace(SHORT, keep_alive_seconds=0.05)) as connect:
        assert await is_closed(await connect())
        used = await connect(GET + b"\r\n")
        assert await status_of(used) == 200
        await used.readuntil(b"\r\n\r\n0")
        assert await is_closed(used)


async def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    async with serving(SHORT) as connect:
        reader = await connect(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # The reader buffers little, and then waits for us.
        async with asyncio.timeout(10):
            while connect.connections:
                await asyncio.sleep(0.01)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(LARGE_BYTES)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\r\n\r\n", POST + b"Content-Length: ten\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_what_is_no_http_is_answered_in_the_shape_of_all_errors(sent: bytes) -> None:
    async with serving(LONG) as connect:
        assert await refusal(await connect(sent)) == (400, "malformed")


async def test_half_sent_heads_keep_nobody_out() -> None:
    """One peer takes all of eight places: each further connection costs it its longest-waiting one."""
    async with serving(replace(LONG, max_connections=8)) as connect:
        other = await connect(GET, host="127.0.0.2")
        held = [await connect(GET) for _ in range(30)]
        for closed in held[:-7]:
            assert await is_closed(closed)
        later = await connect(GET + b"\r\n", host="127.0.0.3")
        assert await status_of(later) == 200
        assert not other.at_eof()
        assert not held[-1].at_eof()


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    one, two = (POST + b"Content-Length: %d\r\n\r\n%s" % (size, b"x" * size) for size in (3, 5))
    async with serving(LONG) as connect:
        reader = await connect(one + two)
        for expected in (b"3", b"5"):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == expected
