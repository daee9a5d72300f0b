"""Bodies over the limit are refused, whether they say their length or not, and never read whole."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.middleware.body_limit import BodyLimit
from service.settings import ServiceSettings
from vision.decoding import ImageLimits

JPEG = {"Content-Type": "image/jpeg"}
SMALL = ServiceSettings(limits=ImageLimits(max_image_bytes=1000), max_body_bytes=200_000)
OVER = 1000 + 64 * 1024 + 1

pytestmark = pytest.mark.anyio


PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


async def _chunks(num_bytes: int, start_with: bytes = b"") -> AsyncIterator[bytes]:
    yield start_with
    for start in range(0, num_bytes, 1000):
        yield b"\xff" * min(1000, num_bytes - start)


def _check(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert answer.headers["Connection"] == "close"


async def test_a_body_over_the_limit_is_refused_with_and_without_its_length(run: Any, store: Any) -> None:
    async with run(store, SMALL) as api:
        multipart = {"Content-Type": "multipart/form-data; boundary=x"}
        json = {"Content-Type": "application/json"}
        for path, headers in (("/v1/predict", JPEG), ("/v1/feedback", multipart), ("/predict", multipart)):
            _check(await api.client.post(path, content=b"\xff" * OVER, headers=headers))
            start = PART if headers is multipart else b""
            _check(await api.client.post(path, content=_chunks(OVER, start), headers=headers))
        _check(await api.client.post("/v1/predict/batch", content=_chunks(200_001, PART), headers=multipart))
        for path in ("/v1/rounds", "/v1/feedback"):
            _check(await api.client.post(path, content=_chunks(2**16 + 1), headers=json))
        # What is read as JSON has the limit of JSON, whatever it is called.
        for kind in (
            "multipart/mixed; boundary=x",
            "multipart/form-dat",
            "multipart/form-data2",
            "image/jpeg",
        ):
            headers = {"Content-Type": kind}
            _check(await api.client.post("/v1/feedback", content=b"x" * (2**16 + 1), headers=headers))


async def test_an_image_over_its_own_limit_is_refused(run: Any, serving: Any, picture: Any) -> None:
    settings = ServiceSettings(limits=ImageLimits(max_image_bytes=len(picture()) - 1))
    async with run(serving, settings) as api:
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        files = [("images", picture()), ("images", picture())]
        batch = await api.client.post("/v1/predict/batch", files=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert [row["error"]["code"] for row in batch.json()["predictions"]] == ["too_large"] * 2


@pytest.mark.parametrize(
    "declared", [{}, {"Content-Length": "10", "Transfer-Encoding": "chunked"}, {"Content-Length": "10"}]
)
async def test_no_more_than_the_limit_is_handed_on(declared: dict[str, str]) -> None:
    """Whatever length is declared, what arrives is counted."""
    seen = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        while (message := await receive())["type"] == "http.request":
            seen += len(message["body"])

    limited = BodyLimit(app, lambda path, content_type: 5000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://x") as client:
        _check(await client.post("/", content=_chunks(100_000), headers=declared))
    assert seen == 5000


async def test_a_body_of_the_limit_exactly_passes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    limited = BodyLimit(app, lambda path, content_type: 5000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://x") as client:
        assert (await client.post("/", content=_chunks(5000))).status_code == 204
        assert (await client.post("/", content=b"x" * 5000)).status_code == 204
        zeros = {"Content-Length": "0" * 5000 + "5"}
        assert (await client.post("/", content=b"x" * 5, headers=zeros)).status_code == 204
        answer = await client.post("/", content=b"x", headers={"Content-Length": "one"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


@pytest.mark.parametrize("length", ["5001", "0" * 30 + "5001", "9" * 25, "9" * 5000])
async def test_a_length_over_the_limit_is_refused_before_the_app_is_asked(length: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("it was asked")

    limited = BodyLimit(app, lambda path, content_type: 5000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://x") as client:
        _check(await client.post("/", content=b"x", headers={"Content-Length": length}))
