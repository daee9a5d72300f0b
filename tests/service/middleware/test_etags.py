"""What has not changed since it was asked for last is not sent again."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from service.middleware.etags import ETags

pytestmark = pytest.mark.anyio
STATE = {"production": "v1"}


def _state(request: Request) -> Response:
    return JSONResponse(STATE)


def _refusal(request: Request) -> Response:
    return JSONResponse({"error": {}}, 404)


def _image(request: Request) -> Response:
    return Response(b"bytes", media_type="image/png")


def _parts(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"["
        yield b"]"

    return StreamingResponse(parts(), media_type="application/json")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = {"state": _state, "refusal": _refusal, "image": _image, "parts": _parts}
    app = ETags(Starlette(routes=[Route(f"/v1/{name}", work) for name, work in routes.items()]))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_what_the_reader_has_is_not_sent_again_until_it_changes(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get("/v1/state")
    assert first.json() == {"production": "v1"}
    known = {"If-None-Match": first.headers["ETag"]}
    again = await client.get("/v1/state", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    monkeypatch.setitem(STATE, "production", "v2")
    changed = await client.get("/v1/state", headers=known)
    assert (changed.status_code, changed.json()) == (200, {"production": "v2"})
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    ("path", "body"), [("refusal", b'{"error":{}}'), ("image", b"bytes"), ("parts", b"[]")]
)
async def test_what_is_no_answer_of_one_piece_is_passed_on(
    client: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await client.get(f"/v1/{path}")
    assert answer.content == body
    assert "ETag" not in answer.headers
