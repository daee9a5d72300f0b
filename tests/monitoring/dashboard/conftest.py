"""A server of the dashboard, with the parts of `/v1` that the page uses."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image
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
from store.predictions import predictions


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server of the dashboard over a database; the address is given back."""
    running: list[Any] = []

    def start(database: Database, script: str = "", key: str = "") -> str:
        running.append(serving(database, script, key))
        return str(running[-1].__enter__())

    yield start
    for server in running:
        server.__exit__(None, None, None)


@contextmanager
def serving(database: Database, script: str = "", key: str = "") -> Iterator[str]:
    """Serve the dashboard, with the parts of `/v1` that it uses, on a free port of this machine.

    Args:
        database: What `/v1` answers from.
        script: Runs on the page `/scripted`, which is the dashboard otherwise.
        key: What `/v1` asks for, if anything.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Locked(application(database, script), key), log_level="warning", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def application(database: Database, script: str) -> Starlette:
    def route(path: str, read: Callable[[Connection, Request], Answer]) -> Route:
        def endpoint(request: Request) -> Response:
            with database.read() as connection:
                return JSONResponse(read(connection, request).model_dump(mode="json"))

        return Route(path, endpoint)

    def image(request: Request) -> Response:
        rng = np.random.default_rng(int(request.path_params["id"][-6:], 16))
        pixels = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        file = BytesIO()
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC).save(file, "PNG")
        return Response(file.getvalue(), media_type="image/png")

    async def pause(request: Request) -> Response:
        reason = (await request.json())["reason"]
        return JSONResponse(database.write(lambda c: learning_state.pause(c, reason, "ada")))

    async def feedback(request: Request) -> Response:
        sent = await request.json()
        database.write(
            lambda c: predictions.mark_labelled(
                c, [predictions.find_prediction(c, sent["prediction_id"]).sha256]
            )
        )
        return JSONResponse({"status": "accepted"}, 201)

    def scripted(request: Request) -> Response:
        added = '<script type="module" src="/script.js"></script></head>'
        return HTMLResponse((FOLDER / "index.html").read_text().replace("</head>", added))

    return Starlette(
        routes=[
            Route("/scripted", scripted),
            Route("/script.js", lambda _: PlainTextResponse(script, media_type="text/javascript")),
            Route("/v1/learning/pause", pause, methods=["POST"]),
            Route("/v1/feedback", feedback, methods=["POST"]),
            route("/v1/status", lambda c, _: summary.status(c, 500)),
            route("/v1/rounds", lambda c, _: summary.rounds(c)),
            route("/v1/rounds/{id:int}", lambda c, r: summary.round_detail(c, r.path_params["id"])),
            route("/v1/models", lambda c, _: summary.models(c)),
            route("/v1/models/{version}", lambda c, r: summary.model(c, r.path_params["version"])),
            route("/v1/forgetting", lambda c, _: summary.forgetting(c)),
            route("/v1/drift", lambda c, _: summary.drift(c)),
            route("/v1/audits", lambda c, _: summary.audits(c)),
            Route("/v1/predictions/{id}/image", image),
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
