"""The HTTP API: routes of predictions, feedback and the server's state, and how errors are told."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from monitoring import summary
from monitoring.dashboard.pages import dashboard_routes
from service import learning_routes, openapi, registry_routes
from service.bodies import read_feedback, read_image, read_images
from service.disconnects import unless_gone
from service.errors import (
    ClientGoneError,
    MalformedRequestError,
    NotReadyError,
    ServiceError,
    answer_for,
    answer_for_status,
    body_for,
    envelope,
)
from service.images import media_type_of
from service.parameters import IMAGE_HEADERS, source_of
from service.schemas import FeedbackBody, PredictionBody, PredictionsBody
from service.services import Services
from service.shedding import Shedding
from service.unforeseen import Unforeseen
from store.errors import StoreError
from vision.errors import VisionError

Group = Annotated[str | None, Query(description="Images of one group share a split, such as one patient's.")]


def create_api(services: Services) -> FastAPI:
    """Return the API over one process's services; `Front` goes around it."""
    api = FastAPI(
        title="Perennial",
        description="An image classifier that keeps learning after it ships.",
        version="1",
        # The pages that FastAPI would serve load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses=openapi.ERRORS,
    )
    api.add_middleware(Shedding, admission=services.batcher.admission)
    api.include_router(_prediction_routes(services))
    api.include_router(_state_routes(services))
    api.include_router(registry_routes.create_router(services))
    api.include_router(learning_routes.create_router(services))
    api.router.routes.extend(dashboard_routes())
    for error in (ServiceError, StoreError, VisionError, OSError):
        api.add_exception_handler(error, _tell)
    api.add_exception_handler(ClientDisconnect, _tell_nobody)
    api.add_exception_handler(RequestValidationError, _tell_invalid)
    api.add_exception_handler(HTTPException, _tell_http)
    api.add_middleware(Unforeseen)
    return api


def _prediction_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["predictions"])

    @router.post("/predict", openapi_extra=openapi.IMAGE_BODY)
    async def predict(request: Request, group: Group = None) -> PredictionBody:
        """Answer one image: a raw `image/*` body, or the multipart part `image`."""
        upload = await read_image(request, group)
        return await unless_gone(request, services.predictions.answer(upload, source_of(request)))

    @router.post("/predict/batch", openapi_extra=openapi.IMAGES_BODY)
    async def predict_batch(request: Request) -> PredictionsBody:
        """Answer up to 64 multipart parts `images`, a bad one being an error in its own place."""
        contents = await read_images(request)
        work = services.predictions.answer_many(contents, source_of(request))
        return PredictionsBody(predictions=await unless_gone(request, work))

    @router.post("/feedback", status_code=201, openapi_extra=openapi.FEEDBACK_BODY)
    async def feedback(request: Request) -> FeedbackBody:
        """Take the label of an earlier prediction (JSON), or an image with its label (multipart)."""
        return await services.feedback.take(await read_feedback(request), source_of(request))

    @router.get("/predictions/{prediction_id}/image", response_class=Response)
    async def image(prediction_id: str) -> Response:
        """Return the image of an earlier prediction."""
        known = await services.feedback.find(prediction_id)
        content = await asyncio.to_thread(services.blobs.get, known.sha256)
        return Response(content, media_type=media_type_of(content), headers=IMAGE_HEADERS)

    return router


def _state_routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/v1/status")
    async def status() -> dict[str, Any]:
        """Tell which version serves, what waits to be learnt, and who works."""
        threshold = services.settings.threshold
        found = await services.database.read_async(lambda connection: summary.status(connection, threshold))
        return found | {"device": services.device}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Tell Prometheus the figures of this server."""
        content, media_type = await asyncio.to_thread(services.exposition.render)
        return Response(content, headers={"Content-Type": media_type})

    @router.get("/livez")
    async def livez() -> dict[str, bool]:
        """Tell whether the process is alive."""
        return {"alive": True}

    @router.get("/readyz")
    async def readyz() -> dict[str, bool]:
        """Tell whether requests should be sent here: 200, or 503."""
        if not services.readiness.is_ready:
            raise NotReadyError("Expected a loaded version, found none yet, or the server is stopping.")
        return {"ready": True}

    return router


async def _tell(request: Request, error: Exception) -> JSONResponse:
    answer = answer_for(error)
    return JSONResponse(body_for(error), answer.status, answer.headers)


async def _tell_nobody(request: Request, error: Exception) -> JSONResponse:
    return await _tell(request, ClientGoneError("The client hung up in the middle of its request."))


async def _tell_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # what the handler was registered for
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    message = f"Expected what the route takes, found in {'.'.join(place)}: {first['msg']}."
    if place[0] == "path":
        # No row can have an id of that form.
        return JSONResponse(envelope("unknown_id", message, "Use an id that the server answered."), 404)
    return await _tell(request, MalformedRequestError(message))


async def _tell_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # what the handler was registered for
    answer = answer_for_status(error.status_code)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse(envelope(answer.code, message, answer.remedy), answer.status, error.headers)
