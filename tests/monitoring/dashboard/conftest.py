"""A server of the dashboard, with the parts of `/v1` that the page uses."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from monitoring import prediction_answers, source_answers, summary
from monitoring.accuracy_history import accuracy_history
from monitoring.answers.answer import Answer
from monitoring.answers.latency import Latency
from monitoring.comparison import compare
from monitoring.dashboard.pages import dashboard_routes
from monitoring.similar_images import similar_images
from store import learning_state
from store.database.database import Database
from store.errors import UnknownRoundError, UnknownVersionError
from store.predictions.search import Wanted
from tests.monitoring.dashboard.browser import CHROMIUM, Complaints, Open, chromium
from tests.monitoring.dashboard.evidence_routes import EvidenceRoutes, picture


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server of the dashboard over a database; the address is given back."""
    running: list[Any] = []

    def start(database: Database, key: str = "", evidence: EvidenceRoutes | None = None) -> str:
        running.append(serving(database, key, evidence))
        return str(running[-1].__enter__())

    yield start
    for server in running:
        server.__exit__(None, None, None)


LATENCY = Latency(num_requests=1291, median_seconds=0.025, p99_seconds=2.5)
# What `/v1/alarms` answers, for a test to fill.
ALARMS: list[dict[str, Any]] = []


@pytest.fixture
def alarms() -> Iterator[list[dict[str, Any]]]:
    """The alarms that `/v1/alarms` answers."""
    yield ALARMS
    ALARMS.clear()


# Of a module: while it runs, its event loop runs in this thread, where later tests start their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium; without one the test is skipped, and fails in CI."""
    if CHROMIUM is None:
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("no chromium here: apt-get install chromium")
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open an address and wait for its first answer; at the end, make sure that nothing complained."""
    opened: list[tuple[BrowserContext, Complaints]] = []

    def load(address: str, expected: str = "", ready: str = ".connection.on", **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        complaints = Complaints(address.split("/")[2], expected)
        opened.append((context, complaints))
        page = context.new_page()
        complaints.listen(page)
        page.goto(address)
        page.wait_for_selector(ready)
        return page

    yield load
    for context, complaints in opened:
        context.close()
        assert complaints.texts == []


@contextmanager
def serving(database: Database, key: str = "", evidence: EvidenceRoutes | None = None) -> Iterator[str]:
    """Serve the dashboard, with the parts of `/v1` that it uses, on a free port of this machine.

    Args:
        database: What `/v1` answers from.
        key: What `/v1` asks for, if anything.
        evidence: Asks and is told answers, where a test looks at them.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            Locked(application(database, evidence), key),
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


def compared(connection: Connection, request: Request) -> Answer:
    asked = request.query_params
    return compare(connection, request.path_params["version"], asked["other"], asked["label"])


def logged(connection: Connection, request: Request) -> Answer:
    asked = request.query_params
    texts: Any = {name: asked[name] for name in ("label", "source", "version", "outcome") if name in asked}
    wanted = Wanted(**texts)
    return prediction_answers.predictions(connection, wanted, int(asked["limit"]), asked.get("before"))


def page_of(request: Request) -> dict[str, int]:
    return {name: int(value) for name, value in request.query_params.items()}


def application(database: Database, evidence: EvidenceRoutes | None) -> Starlette:
    def route(path: str, read: Callable[[Connection, Request], Answer]) -> Route:
        def endpoint(request: Request) -> Response:
            with database.read() as connection:
                return JSONResponse(read(connection, request).model_dump(mode="json"))

        return Route(path, endpoint)

    async def told_of_alarm(request: Request) -> Response:
        told = {**request.path_params, **await request.json()}
        (alarm,) = (each for each in ALARMS if each["id"] == told["id"])
        alarm |= {"state": "acknowledged" if told["verb"] == "ack" else "accepted", "reason": told["reason"]}
        alarm["ended"] = None if told["verb"] == "ack" else alarm["raised"]
        return JSONResponse(alarm)

    async def pause(request: Request) -> Response:
        reason = (await request.json())["reason"]
        return JSONResponse(database.write(lambda c: learning_state.pause(c, reason, "ada")))

    def unknown(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": {"code": "unknown_id", "message": str(error), "remedy": ""}}, 404)

    return Starlette(
        exception_handlers={UnknownRoundError: unknown, UnknownVersionError: unknown},
        routes=[
            Route("/v1/learning/pause", pause, methods=["POST"]),
            route("/v1/status", lambda c, _: summary.status(c, 500)),
            route("/v1/rounds", lambda c, r: summary.rounds(c, **page_of(r))),
            route("/v1/rounds/{id:int}", lambda c, r: summary.round_detail(c, r.path_params["id"])),
            route("/v1/models", lambda c, r: summary.models(c, **page_of(r))),
            route("/v1/models/{version}/comparison", compared),
            route("/v1/models/{version}", lambda c, r: summary.model(c, r.path_params["version"])),
            route("/v1/forgetting", lambda c, _: summary.forgetting(c)),
            route("/v1/drift", lambda c, _: summary.drift(c)),
            route("/v1/accuracy", lambda c, _: accuracy_history(c)),
            route("/v1/predictions", logged),
            route("/v1/predictions/{id}", lambda c, r: prediction_answers.prediction(c, r.path_params["id"])),
            route("/v1/predictions/{id}/similar", lambda c, r: similar_images(c, r.path_params["id"])),
            route("/v1/traffic", lambda c, _: prediction_answers.traffic(c)),
            Route("/v1/latency", lambda _: JSONResponse(LATENCY.model_dump(mode="json"))),
            Route("/v1/predictions/{id}/image", picture),
            Route("/v1/samples/{id}/image", picture),
            route("/v1/sources", lambda c, _: source_answers.sources(c)),
            Route("/v1/alarms", lambda _: JSONResponse({"alarms": ALARMS})),
            Route("/v1/alarms/{alarm:int}/images/{id}", picture),
            Route("/v1/alarms/{id:int}/{verb}", told_of_alarm, methods=["POST"]),
            *(evidence or EvidenceRoutes(database)).routes(),
            *dashboard_routes(),
        ],
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
