"""The routes of sources: whose labels are doubted, and whose do not count."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from monitoring import source_answers
from monitoring.answers.sources import SourceDecision, SourceList
from service.routes.parameters import IMAGE_HEADERS, RowId, source_of
from service.schemas import ReasonRequest
from service.services import Services
from store.sources import labelled_image
from vision.decoding import image_format

Name = Annotated[
    str, Path(max_length=100, pattern=r"^[^\x00]+$", description="Of the key that sends the labels.")
]


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["sources"])
    read = services.database.read_async

    @router.get("/sources")
    async def list_sources() -> SourceList:
        """Return the sources of labels, the largest first, with what the last round found of each."""
        return await read(source_answers.sources)

    @router.get("/sources/{name:path}/images/{sample_id}", response_class=Response)
    async def image(name: Name, sample_id: RowId) -> Response:
        """Return an image that a source labelled."""
        sha256 = await read(partial(labelled_image, name=name, sample_id=sample_id))
        content = await services.blobs.in_thread(partial(services.blobs.get, sha256))
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    @router.post("/sources/{name:path}/quarantine")
    async def quarantine(name: Name, request: Request, sent: ReasonRequest | None = None) -> SourceDecision:
        """Let a source's labels count no more; nothing is deleted, and a release undoes it."""
        actor = source_of(request)
        reason = (sent.reason if sent else "") or f"By {actor}, without a reason."

        def work(connection: Connection) -> SourceDecision:
            return source_answers.quarantine(connection, name, reason, actor)

        return await services.database.write_async(work)

    @router.post("/sources/{name:path}/release")
    async def release(name: Name) -> SourceDecision:
        """Let a quarantined source's labels count again."""
        return await services.database.write_async(lambda c: source_answers.release(c, name))

    return router
