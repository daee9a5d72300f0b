"""What every request passes first, and who answers it then."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from service.front import Front
from service.settings import ServiceSettings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v1/status", "api"), ("/predict", "api"), ("/metrics", "app"), ("/v1", "app"), ("/", "app")],
)
async def test_the_apis_own_paths_go_to_it_at_once(path: str, expected: str) -> None:
    seen: list[tuple[str, int]] = []
    front = Front(
        PlainTextResponse("app"),
        ServiceSettings(),
        lambda route, method, status, seconds: seen.append((method, status)),
        api=PlainTextResponse("api"),
    )
    transport = httpx.ASGITransport(front, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post(path)
        foreign = await client.post(path, headers={"Origin": "http://elsewhere.example"})
    assert (answer.status_code, answer.text) == (200, expected)
    # The same checks stand before both.
    assert foreign.status_code == 403
    assert seen == [("POST", 200), ("POST", 403)]
