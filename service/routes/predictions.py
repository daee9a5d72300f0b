"""The routes of predictions and of labels: the busiest ones, so they are matched first."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from monitoring import prediction_answers
from monitoring.answers.latency import Latency
from monitoring.answers.predictions import PredictionList, PredictionSummary, SimilarImages
from monitoring.answers.traffic import Traffic
from monitoring.similar_images import similar_images
from service.routes import openapi
from service.routes.bodies import read_feedback, read_image, read_images
from service.routes.direct_route import DirectRoute
from service.routes.disconnects import unless_gone
from service.routes.parameters import IMAGE_HEADERS, sender_of, source_of
from service.schemas import FeedbackBody, PredictionBody, PredictionsBody
from service.services import Services
from store.predictions.search import Outcome, Wanted
from vision.decoding import image_format

_Text = Annotated[str | None, Query(max_length=200)]
_Fraction = Annotated[float | None, Query(ge=0, le=1)]
_Id = Annotated[str | None, Query(pattern="^[0-9a-f]{32}$", description="Where the page before ended.")]
_PageSize = Annotated[int, Query(ge=1, le=200, description="Rows of one page, at most.")]


def add_routes(api: FastAPI, services: Services) -> None:
    """Add them to the API itself: a router that it includes would match the route once more."""

    async def predict(request: Request) -> PredictionBody:
        """Answer one image: a raw `image/*` body, or the multipart part `image`."""
        upload = await read_image(request)
        return await unless_gone(request, services.predictions.answer(upload, source_of(request)))

    async def predict_batch(request: Request) -> PredictionsBody:
        """Answer up to 64 multipart parts `images`, a bad one being an error in its own place."""
        contents = await read_images(request)
        work = services.predictions.answer_many(contents, source_of(request))
        return PredictionsBody(predictions=await unless_gone(request, work))

    async def feedback(request: Request) -> FeedbackBody:
        """Store the label of an earlier prediction (JSON), or an image with its label (multipart)."""
        return await services.feedback.store(await read_feedback(request), sender_of(request))

    async def show(prediction_id: str) -> PredictionSummary:
        """Return one prediction, with the label that its image has now."""
        await services.feedback.find(prediction_id)
        work = partial(prediction_answers.prediction, prediction_id=prediction_id)
        return await services.database.read_async(work)

    async def similar(
        prediction_id: str, limit: Annotated[int, Query(ge=1, le=48, description="Images, at most.")] = 12
    ) -> SimilarImages:
        """Return the images that its version sees most like this prediction's, the most alike first.

        They are found by their embeddings among the version's last 2,000 predictions.
        """
        await services.feedback.find(prediction_id)
        work = partial(similar_images, prediction_id=prediction_id, limit=limit)
        return await services.database.read_async(work)

    async def image(prediction_id: str) -> Response:
        """Return the image of an earlier prediction."""
        prediction = await services.feedback.find(prediction_id)
        content = await asyncio.to_thread(services.blobs.get, prediction.sha256)
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    async def search(
        label: _Text = None,
        source: _Text = None,
        version: _Text = None,
        since: datetime | None = None,
        until: datetime | None = None,
        min_confidence: _Fraction = None,
        max_confidence: _Fraction = None,
        outcome: Outcome | None = None,
        limit: _PageSize = 50,
        before: _Id = None,
    ) -> PredictionList:
        """Return predictions of the log, newest first, by class, source, version, time and confidence.

        `outcome` asks for answers that are right or wrong by the label that their image has now, or that
        have none.
        """
        bounds = _aware(since), _aware(until)
        wanted = Wanted(label, source, version, *bounds, min_confidence, max_confidence, outcome)
        work = partial(prediction_answers.predictions, wanted=wanted, limit=limit, before=before)
        return await services.database.read_async(work)

    async def traffic(hours: Annotated[int, Query(ge=1, le=24 * 90)] = 48) -> Traffic:
        """Return how many predictions were answered in each of the last hours."""
        work = partial(prediction_answers.traffic, num_hours=hours)
        return await services.database.read_async(work)

    async def latency() -> Latency:
        """Return how fast this server answered requests to predict, by all of its workers."""
        return await asyncio.to_thread(services.exposition.latency)

    for path, endpoint, status, described in (
        ("/v1/predict", predict, 200, openapi.PREDICT),
        ("/v1/predict/batch", predict_batch, 200, openapi.PREDICT_BATCH),
        ("/v1/feedback", feedback, 201, openapi.FEEDBACK),
    ):
        api.router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            status_code=status,
            tags=["predictions"],
            openapi_extra=described,
            route_class_override=DirectRoute,
        )
    api.get("/v1/traffic", tags=["predictions"])(traffic)
    api.get("/v1/latency", tags=["predictions"])(latency)
    api.get("/v1/predictions", tags=["predictions"])(search)
    api.get("/v1/predictions/{prediction_id}", tags=["predictions"])(show)
    api.get("/v1/predictions/{prediction_id}/similar", tags=["predictions"])(similar)
    api.get("/v1/predictions/{prediction_id}/image", response_class=Response, tags=["predictions"])(image)


def _aware(moment: datetime | None) -> datetime | None:
    """Return a time without a zone as one in UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
