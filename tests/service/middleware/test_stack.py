"""What every request passes first, and who answers it then."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from service.middleware.stack import MiddlewareStack
from service.settings import ServiceSettings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/status", "api"),
        ("POST", "/predict", "api"),
        ("GET", "/docs.json", "api"),
        ("GET", "/", "api"),
        ("PUT", "/schema.json", "api"),
        ("POST", "/livez", "api"),
        ("GET", "/schema.json", "bentoml"),
        ("HEAD", "/livez", "bentoml"),
        ("GET", "/healthz", "bentoml"),
    ],
)
async def test_only_what_bentoml_alone_answers_goes_there(method: str, path: str, expected: str) -> None:
    seen: list[tuple[str, int]] = []
    stack = MiddlewareStack(
        PlainTextResponse("bentoml", headers={"By": "bentoml"}),
        ServiceSettings(),
        lambda route, method, status, seconds: seen.append((method, status)),
        api=PlainTextResponse("api", headers={"By": "api"}),
    )
    transport = httpx.ASGITransport(stack, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["By"]) == (200, expected)
    assert seen == [(method, 200)]


@pytest.mark.parametrize("path", ["/v1/status", "/schema.json"])
async def test_the_same_checks_stand_before_both(path: str) -> None:
    seen: list[int] = []
    stack = MiddlewareStack(
        PlainTextResponse("bentoml"),
        ServiceSettings(),
        lambda route, method, status, seconds: seen.append(status),
        api=PlainTextResponse("api"),
    )
    transport = httpx.ASGITransport(stack, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get(path)
    assert answer.status_code == 401
    assert seen == [401]
