"""Tests of `service.deadline`."""

import asyncio
import gc

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from service.deadline import Deadline

START = {"type": "http.response.start", "status": 200, "headers": []}

pytestmark = pytest.mark.anyio


async def ask(app: ASGIApp, seconds: float) -> httpx.Response:
    transport = httpx.ASGITransport(Deadline(app, timeout=seconds))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/v1/predict", content=b"an image")


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await send({"type": "http.response.body", "body": b"done"})


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def test_an_answer_in_time_passes_and_leaves_no_timer_behind() -> None:
    for _ in range(5):
        assert (await ask(answer, 3600.0)).text == "done"

    timers = [each for each in gc.get_objects() if type(each) is asyncio.TimerHandle]
    late = asyncio.get_running_loop().time() + 1800
    assert [each for each in timers if each.when() > late and not each.cancelled()] == []


async def test_what_takes_too_long_is_given_up_and_told_in_the_shape_of_all_errors() -> None:
    given_up = False

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal given_up
        try:
            await never(scope, receive, send)
        except asyncio.CancelledError:
            given_up = True
            raise

    found = await ask(slow, 0.05)

    assert given_up
    assert (found.status_code, found.headers["connection"]) == (408, "close")
    error = found.json()["error"]
    assert error["code"] == "too_slow"
    assert error["message"] == "Expected a whole request within 0.05 seconds, found a part."


async def test_an_answer_that_has_begun_may_take_longer() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"done"})

    assert (await ask(slow, 0.05)).text == "done"


async def test_an_answer_sent_while_it_is_given_up_is_the_only_one() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await never(scope, receive, send)
        finally:
            await answer(scope, receive, send)

    sent: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    with pytest.raises(TimeoutError):
        await Deadline(late, timeout=0.05)({"type": "http"}, receive, send)
    assert sent == ["http.response.start", "http.response.body"]


async def test_a_time_out_of_the_application_itself_is_not_taken_for_one() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError("of another kind")

    with pytest.raises(TimeoutError, match="of another kind"):
        await ask(failing, 3600.0)
