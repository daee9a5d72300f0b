"""The routes of disputes: the samples whose label a person has to decide."""

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from monitoring import dispute_answers
from monitoring.answers.disputes import DisputeDetail, DisputeList
from service.feedback.settling import settle_dispute
from service.routes.parameters import IMAGE_HEADERS, Before, Limit, RowId, source_of
from service.schemas import SettleRequest
from service.services import Services
from store.evidence.disputes import find_dispute
from vision.decoding import image_format


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["disputes"])
    read = services.database.read_async

    @router.get("/disputes")
    async def disputes(limit: Limit = 50, before: Before = None) -> DisputeList:
        """Return the disputes that wait for a person, newest first."""
        return await read(partial(dispute_answers.disputes, limit=limit, before=before))

    @router.get("/disputes/{dispute_id}/image", response_class=Response)
    async def image(dispute_id: RowId) -> Response:
        """Return the image that a dispute is about."""
        dispute = await read(partial(find_dispute, dispute_id=dispute_id))
        content = await asyncio.to_thread(services.blobs.get, dispute.sha256)
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    @router.post("/disputes/{dispute_id}")
    async def settle(dispute_id: RowId, request: Request, sent: SettleRequest) -> DisputeDetail:
        """Put a label in force; nothing but another settlement changes it."""

        def work(connection: Connection) -> DisputeDetail:
            settled = settle_dispute(connection, dispute_id, sent.label, source_of(request))
            return dispute_answers.dispute(settled)

        return await services.database.write_async(work)

    return router
