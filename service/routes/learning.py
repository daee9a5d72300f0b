"""The routes of learning: rounds, approval, pausing; of samples; and of deletion."""

import asyncio
from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from monitoring import summary
from monitoring.answers.rounds import RoundDetail, RoundList
from monitoring.answers.status import Pause
from service.feedback.feedback_service import refuse_malformed_id
from service.routes.parameters import IMAGE_HEADERS, Before, Limit, RowId, source_of
from service.schemas import (
    DeletedPredictionBody,
    DeletedSampleBody,
    LearningBody,
    ReasonRequest,
)
from service.services import Services
from store import learning_state
from store.cleanup import delete_blobs
from store.predictions.predictions import delete_prediction
from store.rounds import rounds
from store.samples.samples import delete_sample, find_sample
from vision.decoding import image_format

# What a person decides on a round: its number, and who decides.
Decision = Callable[[Connection, int, str], object]


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    # Each with its whole prefix: metrics name a route by its own path, without that of a router around it.
    router = APIRouter()
    router.include_router(_round_routes(services))
    router.include_router(_pause_routes(services))
    router.include_router(_sample_routes(services))
    router.include_router(_deletion_routes(services))
    return router


def _round_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["rounds"])
    read, write = services.database.read_async, services.database.write_async

    @router.post("/rounds", status_code=202)
    async def request_round(request: Request, sent: ReasonRequest | None = None) -> RoundDetail:
        """Ask for a round; the learner begins it soon."""
        actor = source_of(request)
        trigger = (sent.reason if sent else "") or f"Asked for by {actor}."

        def work(connection: Connection) -> RoundDetail:
            requested = rounds.request_round(connection, actor, trigger)
            return summary.round_detail(connection, requested.id)

        return await write(work)

    @router.get("/rounds")
    async def list_rounds(limit: Limit = 50, before: Before = None) -> RoundList:
        """Return the rounds, newest first."""
        return await read(partial(summary.rounds, limit=limit, before=before))

    @router.get("/rounds/{round_id}")
    async def show_round(round_id: RowId) -> RoundDetail:
        """Return one round with its steps, curves and verdict."""
        return await read(partial(summary.round_detail, round_id=round_id))

    async def decide(decision: Decision, round_id: int, request: Request) -> RoundDetail:
        def work(connection: Connection) -> RoundDetail:
            decision(connection, round_id, source_of(request))
            return summary.round_detail(connection, round_id)

        return await write(work)

    @router.post("/rounds/{round_id}/approve")
    async def approve(round_id: RowId, request: Request) -> RoundDetail:
        """Promote the candidate of a round that waits for a person."""
        return await decide(rounds.approve, round_id, request)

    @router.post("/rounds/{round_id}/cancel")
    async def cancel(round_id: RowId, request: Request) -> RoundDetail:
        """Cancel a round, at once or, where it runs, at its next step."""
        return await decide(rounds.cancel, round_id, request)

    return router


def _pause_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/learning", tags=["learning"])

    @router.post("/pause")
    async def pause(request: Request, sent: ReasonRequest | None = None) -> LearningBody:
        """Let no further round begin by itself."""
        actor = source_of(request)
        reason = (sent.reason if sent else "") or f"Paused by {actor}."

        def work(connection: Connection) -> LearningBody:
            return LearningBody(paused=Pause.model_validate(learning_state.pause(connection, reason, actor)))

        return await services.database.write_async(work)

    @router.post("/resume")
    async def resume() -> LearningBody:
        """Let rounds begin by themselves again."""
        await services.database.write_async(learning_state.resume)
        return LearningBody(paused=None)

    return router


def _sample_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["samples"])

    @router.get("/samples/{sample_id}/image", response_class=Response)
    async def image(sample_id: RowId) -> Response:
        """Return the image of a sample."""
        sample = await services.database.read_async(partial(find_sample, sample_id=sample_id))
        content = await asyncio.to_thread(services.blobs.get, sample.sha256)
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    return router


def _deletion_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["deletion"])

    async def delete_bytes(shas: list[str]) -> int:
        deleted = await asyncio.to_thread(delete_blobs, services.database, services.blobs, shas)
        return len(deleted)

    @router.delete("/samples/{sample_id}")
    async def forget_sample(sample_id: RowId) -> DeletedSampleBody:
        """Delete a sample with its bytes, and show which versions saw it."""
        deleted = await services.database.write_async(partial(delete_sample, sample_id=sample_id))
        num_deleted = await delete_bytes(deleted.blobs_to_delete)
        return DeletedSampleBody(
            sample_id=deleted.sample_id, versions=deleted.versions, num_blobs_deleted=num_deleted
        )

    @router.delete("/predictions/{prediction_id}")
    async def forget_prediction(prediction_id: str) -> DeletedPredictionBody:
        """Delete a prediction with its bytes; a sample that came from it stays."""
        refuse_malformed_id(prediction_id)
        await services.log.written(prediction_id)
        deleted = await services.database.write_async(partial(delete_prediction, prediction_id=prediction_id))
        num_deleted = await delete_bytes(deleted.blobs_to_delete)
        return DeletedPredictionBody(
            prediction_id=deleted.prediction_id,
            sample_id=deleted.sample_id,
            versions=deleted.versions,
            num_blobs_deleted=num_deleted,
        )

    return router
