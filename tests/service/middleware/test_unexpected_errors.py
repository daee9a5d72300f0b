"""Unexpected errors are answered and logged, and cost nobody their connection."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.middleware.unexpected_errors import UnexpectedErrors

pytestmark = pytest.mark.anyio


def failing_api() -> FastAPI:
    """Return an API that fails, and that answers its errors itself, as FastAPI does with a handler."""
    api = FastAPI()

    async def answer_error(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": type(error).__name__}, 500)

    api.add_exception_handler(Exception, answer_error)

    @api.get("/fails")
    async def fail() -> None:
        raise RuntimeError("a secret of the server's")

    @api.get("/breaks-off")
    async def break_off() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a part"
            raise RuntimeError("a secret of the server's")

        return StreamingResponse(parts())

    return api


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an app, and ask it over one connection."""
    server = uvicorn.Server(uvicorn.Config(UnexpectedErrors(app), port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", limits=httpx.Limits(max_connections=1)
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


async def peers_of(app: ASGIApp, path: str) -> set[object]:
    """Return the client's ends of the connections that three requests came by, each answered with 500."""
    peers = set()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        peers.add(scope["client"])
        await app(scope, receive, send)

    async with connected(noting) as client:
        for _ in range(3):
            answer = await client.get(path)
            assert answer.status_code == 500
            assert "secret" not in answer.text
    return peers


async def test_what_fails_outside_of_the_api_is_answered_in_the_shape_of_all_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a secret of the server's")

    async with connected(fail) as client:
        answer = await client.get("/v1/status")
    assert answer.status_code == 500
    assert answer.json()["error"].keys() == {"code", "message", "remedy"}
    assert answer.json()["error"]["code"] == "internal"
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.getMessage() == "GET /v1/status failed"
    assert logged.exc_info is not None


async def test_what_the_api_has_answered_is_logged_once_and_the_connection_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(await peers_of(failing_api(), "/fails")) == 1
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["GET /fails failed"] * 3


@pytest.mark.parametrize(
    ("path", "expected"), [("/begins-late", (503, "answer_timeout")), ("/ends-late", (200, ""))]
)
async def test_an_answer_has_to_begin_in_time_in_the_shape_of_all_errors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, expected: tuple[int, str]
) -> None:
    monkeypatch.setattr("service.middleware.unexpected_errors.ANSWER_SECONDS", 0.05)

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"{}"
            await asyncio.sleep(0.1)

        if path == "/begins-late":
            await asyncio.Event().wait()
        await StreamingResponse(parts())(scope, receive, send)

    async with connected(late) as client:
        answer = await client.get(path)
    code = answer.json().get("error", {}).get("code", "")
    assert (answer.status_code, code) == expected
    # The cause is known: a line tells it, without a traceback.
    logged = [(r.getMessage(), r.exc_info) for r in caplog.records if r.levelno == logging.ERROR]
    assert logged == ([("GET /begins-late: no answer in 0.05 s", None)] if expected[0] == 503 else [])


async def test_an_answer_that_breaks_off_ends_its_connection() -> None:
    async with connected(failing_api()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/breaks-off")
