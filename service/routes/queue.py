"""The routes of the queue: what to label next, blind, and the answers to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.routes.parameters import IMAGE_HEADERS, sender_of, source_of
from service.schemas import AnsweredBody, AnswerRequest, QueueBody
from service.services import Services
from vision.decoding import image_format


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["queue"])

    @router.get("/queue")
    async def queue(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 24) -> QueueBody:
        """Return what to label next; an id tells neither what was answered nor what its label decides."""
        return await services.queue.waiting(source_of(request), limit)

    @router.get("/queue/{question_id}/image", response_class=Response)
    async def image(question_id: str) -> Response:
        """Return the image of a question."""
        content = await services.queue.image(question_id)
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    @router.post("/queue/{question_id}")
    async def answer(question_id: str, sent: AnswerRequest, request: Request) -> AnsweredBody:
        """Answer a question: with a class, `skip` to leave it to others, or `none` where no class is right.

        Who answers again corrects their label; another's is a label like any other.
        """
        return await services.queue.answer(question_id, sent, sender_of(request))

    return router
