"""Work whose client has hung up is given up."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from service.errors import ClientGoneError
from service.routes.disconnects import unless_gone

pytestmark = pytest.mark.anyio


def _request(gone: asyncio.Event) -> Request:
    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_the_work_is_cancelled_when_the_client_goes() -> None:
    gone, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    asyncio.get_running_loop().call_later(0.01, gone.set)
    with pytest.raises(ClientGoneError):
        await unless_gone(_request(gone), work())
    assert cancelled.is_set()


async def test_work_that_ends_first_is_answered_and_its_error_raised() -> None:
    async def work(fails: bool) -> int:
        if fails:
            raise ValueError("no")
        return 7

    assert await unless_gone(_request(asyncio.Event()), work(False)) == 7
    with pytest.raises(ValueError, match="no"):
        await unless_gone(_request(asyncio.Event()), work(True))
