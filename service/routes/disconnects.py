"""Gives up work whose client has hung up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from service.errors import ClientGoneError

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; cancel it when the client goes first. The body must have been read.

    Raises:
        ClientGoneError: The client has gone.
    """
    answering = asyncio.current_task()
    assert answering is not None  # a request is answered in a task
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        await _until_gone(request)
        is_gone = True
        # It waits for its work, since this runs: so that is where it is cancelled.
        answering.cancel()

    watching = asyncio.create_task(watch(), name="disconnect")
    try:
        return await work
    except asyncio.CancelledError:
        # Others may have cancelled it too, such as a server that stops.
        if not is_gone or answering.uncancel() > 0:
            raise
        raise ClientGoneError("The client hung up before its answer was there.") from None
    finally:
        watching.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
