"""The HTTP API: its routes, those of the server's state among them, and its answers to errors."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from monitoring import summary
from monitoring.answers.status import Status
from monitoring.dashboard.pages import dashboard_routes
from service.errors import (
    ClientGoneError,
    MalformedRequestError,
    ServiceError,
    answer_for_status,
    envelope,
    response_for,
)
from service.middleware.load_shedding import LoadShedding
from service.routes import alarms as alarm_routes
from service.routes import classes as class_routes
from service.routes import disputes as dispute_routes
from service.routes import learning as learning_routes
from service.routes import models as registry_routes
from service.routes import openapi
from service.routes import predictions as prediction_routes
from service.routes import queue as queue_routes
from service.routes import sources as source_routes
from service.routes.api_docs import api_docs_routes
from service.schemas import LivenessBody, ReadinessBody
from service.services import Services
from store.errors import StoreError
from vision.errors import VisionError


def create_api(services: Services) -> FastAPI:
    """Return the API over one process's services; `MiddlewareStack` goes around it."""
    api = FastAPI(
        title="Perennial",
        description="An image classifier that keeps learning after it ships.",
        version="1",
        # The pages that FastAPI would serve load scripts from elsewhere; ours is in routes/api_docs.py.
        docs_url=None,
        redoc_url=None,
        # BentoML makes spans where that is configured; these would be the same once more.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses=openapi.ERRORS,
    )
    api.add_middleware(LoadShedding, admission=services.batcher.admission)
    prediction_routes.add_routes(api, services)
    api.include_router(_state_routes(services))
    api.include_router(registry_routes.create_router(services))
    api.include_router(learning_routes.create_router(services))
    api.include_router(queue_routes.create_router(services))
    api.include_router(dispute_routes.create_router(services))
    api.include_router(class_routes.create_router(services))
    api.include_router(alarm_routes.create_router(services))
    api.include_router(source_routes.create_router(services))
    api.router.routes.extend([*dashboard_routes(), *api_docs_routes()])
    for error in (ServiceError, StoreError, VisionError, OSError, Exception):
        api.add_exception_handler(error, _answer_error)
    api.add_exception_handler(ClientDisconnect, _answer_disconnect)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.add_exception_handler(HTTPException, _answer_http_error)
    return api


def _state_routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/v1/status")
    async def status() -> Status:
        """Show which version serves, what waits to be learnt, and who works."""
        threshold = services.settings.threshold
        status = await services.database.read_async(lambda connection: summary.status(connection, threshold))
        return status.model_copy(update={"device": services.device})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Show Prometheus the figures of this server."""
        content, media_type = await asyncio.to_thread(services.exposition.render)
        return Response(content, headers={"Content-Type": media_type})

    @router.get("/livez")
    async def livez() -> LivenessBody:
        """Show that the process is alive."""
        return LivenessBody(alive=True)

    @router.get("/readyz")
    async def readyz() -> ReadinessBody:
        """Show whether requests should be sent here: 200, or 503."""
        services.readiness.check()
        return ReadinessBody(ready=True)

    return router


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    return response_for(error)


async def _answer_disconnect(request: Request, error: Exception) -> JSONResponse:
    return await _answer_error(request, ClientGoneError("The client hung up in the middle of its request."))


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # what the handler was registered for
    first, *others = [(_place(each["loc"]), each["msg"]) for each in error.errors()]
    place = first[0]
    # Of a body that may have one of several forms, what each of them misses.
    found = [first, *others] if place[0] == "body" else [first]
    said = " or, in ".join(dict.fromkeys(f"{'.'.join(where)}: {what}" for where, what in found[:4]))
    message = f"Expected what the route takes, found in {said}."
    kind = request.headers.get("content-type", "")
    if place == ["body"] and not kind.startswith("application/json"):
        message = (
            f"Expected JSON, sent as application/json, found a body that was sent as {kind or 'nothing'}."
        )
    if place[0] == "path":
        # No row can have an id of that form.
        return JSONResponse(envelope("unknown_id", message, "Use an id that the server answered."), 404)
    return await _answer_error(request, MalformedRequestError(message))


def _place(loc: Sequence[int | str]) -> list[str]:
    # The names of forms, such as LabelAnswer, say nothing to a client.
    return [str(part) for part in loc if not str(part)[:1].isupper()]


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # what the handler was registered for
    answer = answer_for_status(error.status_code)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse(envelope(answer.code, message, answer.remedy), answer.status, error.headers)
