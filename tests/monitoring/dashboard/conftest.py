"""A server of the dashboard, with the parts of `/v1` that the page uses."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from monitoring import summary
from monitoring.answers.answer import Answer
from monitoring.dashboard.pages import FOLDER, dashboard_routes
from store import learning_state
from store.database.database import Database
from tests.monitoring.dashboard.browser import Browse, document_of
from tests.monitoring.dashboard.evidence_routes import EvidenceRoutes


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server of the dashboard over a database; the address is given back."""
    running: list[Any] = []

    def start(
        database: Database, script: str = "", key: str = "", evidence: EvidenceRoutes | None = None
    ) -> str:
        running.append(serving(database, script, key, evidence))
        return str(running[-1].__enter__())

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Load an address; return the document, after making sure that nothing complained."""

    def load(address: str, expected: str = "nothing") -> str:
        return document_of(address, tmp_path / "profile", expected)

    return load


@contextmanager
def serving(
    database: Database, script: str = "", key: str = "", evidence: EvidenceRoutes | None = None
) -> Iterator[str]:
    """Serve the dashboard, with the parts of `/v1` that it uses, on a free port of this machine.

    Args:
        database: What `/v1` answers from.
        script: Runs on the page `/scripted`, which is the dashboard otherwise.
        key: What `/v1` asks for, if anything.
        evidence: Asks and is told answers, where a test looks at them.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Locked(application(database, script, evidence), key),
            log_level="warning",
            lifespan="off",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def application(database: Database, script: str, evidence: EvidenceRoutes | None) -> Starlette:
    def route(path: str, read: Callable[[Connection, Request], Answer]) -> Route:
        def endpoint(request: Request) -> Response:
            with database.read() as connection:
                return JSONResponse(read(connection, request).model_dump(mode="json"))

        return Route(path, endpoint)

    async def pause(request: Request) -> Response:
        reason = (await request.json())["reason"]
        return JSONResponse(database.write(lambda c: learning_state.pause(c, reason, "ada")))

    def scripted(request: Request) -> Response:
        added = '<script type="module" src="/script.js"></script></head>'
        return HTMLResponse((FOLDER / "index.html").read_text().replace("</head>", added))

    return Starlette(
        routes=[
            Route("/scripted", scripted),
            Route("/script.js", lambda _: PlainTextResponse(script, media_type="text/javascript")),
            Route("/v1/learning/pause", pause, methods=["POST"]),
            route("/v1/status", lambda c, _: summary.status(c, 500)),
            route("/v1/rounds", lambda c, _: summary.rounds(c)),
            route("/v1/rounds/{id:int}", lambda c, r: summary.round_detail(c, r.path_params["id"])),
            route("/v1/models", lambda c, _: summary.models(c)),
            route("/v1/models/{version}", lambda c, r: summary.model(c, r.path_params["version"])),
            route("/v1/forgetting", lambda c, _: summary.forgetting(c)),
            route("/v1/drift", lambda c, _: summary.drift(c)),
            *(evidence or EvidenceRoutes(database)).routes(),
            *dashboard_routes(),
        ]
    )


class Locked:
    """Refuses `/v1` without the key, where there is one."""

    def __init__(self, app: Starlette, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = not self._key or not scope["path"].startswith("/v1")
        if is_open or Headers(scope=scope).get("authorization") == f"Bearer {self._key}":
            await self._app(scope, receive, send)
            return
        error = {"code": "unauthorized", "message": "Expected a key.", "remedy": "Send one."}
        await JSONResponse({"error": error}, 401)(scope, receive, send)
