"""With no place left, predictions are refused before anybody reads their images."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from service.admission import Admission
from service.middleware.load_shedding import LoadShedding
from service.settings import BatchSettings, ServiceSettings

JPEG = {"Content-Type": "image/jpeg"}

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/v1/predict", "/predict", "/v1/predict/batch"])
async def test_with_no_place_left_it_answers_429_without_reading(run: Any, serving: Any, path: str) -> None:
    was_read = False

    async def body() -> Any:
        nonlocal was_read
        was_read = True
        yield b"an image"

    async with run(serving, ServiceSettings(batch=BatchSettings(max_queue=2))) as api:
        with api.services.batcher.admission.hold(2):
            refused = await api.client.post(path, content=body(), headers=JPEG)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) >= 1
        assert not was_read
        metrics = (await api.client.get("/metrics")).text
        assert "perennial_queue_rejections_total 1.0" in metrics


async def test_other_routes_are_answered_and_predictions_too_once_there_is_a_place(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, ServiceSettings(batch=BatchSettings(max_queue=1))) as api:
        with api.services.batcher.admission.hold(1):
            assert (await api.client.get("/v1/status")).status_code == 200
            files = {"image": ("a.png", picture(0), "image/png")}
            accepted = await api.client.post("/v1/feedback", files=files, data={"label": "red"})
            assert accepted.status_code == 201
        answer = await api.client.post("/v1/predict", content=picture(0), headers=JPEG)
        assert answer.status_code == 200


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, num_bytes: int) -> int:
    """Send a prediction's body whole, read the answer whole, and return its status."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {num_bytes}\r\n\r\n"
    writer.write(head.encode() + b"x" * num_bytes)
    await writer.drain()
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(line for line in answer.splitlines() if line.startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    return int(answer.split()[1])


async def test_the_connection_of_who_is_refused_can_be_used_again() -> None:
    admission = Admission(1, lambda: None)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await PlainTextResponse(str(len(body)))(scope, receive, send)

    config = uvicorn.Config(LoadShedding(app, admission), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with admission.hold(1):
            assert await _post(reader, writer, 5_000_000) == 429
        assert await _post(reader, writer, 5_000_000) == 200
        writer.close()
    finally:
        server.should_exit = True
        await serving
