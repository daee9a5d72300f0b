"""The whole API on a port, for a real browser."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from tests.monitoring.dashboard.conftest import browser, open_page  # noqa: F401  # used by name

Start = Callable[..., str]


@pytest.fixture
def start(run: Any) -> Iterator[Start]:
    """Start the API over a store; the address is given back."""
    running: list[Any] = []

    def go(store: Any, settings: Any = None) -> str:
        running.append(_listening(run, store, settings))
        return str(running[-1].__enter__())

    yield go
    for server in running:
        server.__exit__(None, None, None)


@contextmanager
def _listening(run: Any, store: Any, settings: Any) -> Iterator[str]:
    servers: list[uvicorn.Server] = []
    is_ready = threading.Event()

    async def serve(listener: socket.socket) -> None:
        async with run(store, settings) as api:
            config = uvicorn.Config(api.app, log_level="warning", lifespan="off")
            servers.append(uvicorn.Server(config))
            is_ready.set()
            await servers[0].serve(sockets=[listener])

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=lambda: asyncio.run(serve(listener)))
        thread.start()
        # The socket takes connections from now on; they wait until the server answers.
        is_ready.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        servers[0].should_exit = True
        thread.join()
