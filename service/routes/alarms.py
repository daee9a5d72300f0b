"""The routes of alarms: what a person should look at, and what the person decides."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from monitoring import alarms as alarm_answers
from monitoring.answers.alarms import AlarmDetail, AlarmList
from service.routes.parameters import IMAGE_HEADERS, Before, Limit, RowId, source_of
from service.schemas import ReasonRequest
from service.services import Services
from store.alarms import Alarm, accept, acknowledge, find_alarm, shown_image
from vision.decoding import image_format

# What a person decides on an alarm: its number, the reason, and who decides.
Decision = Callable[[Connection, int, str, str], Alarm]


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["alarms"])
    read = services.database.read_async

    @router.get("/alarms")
    async def list_alarms(limit: Limit = 50, before: Before = None) -> AlarmList:
        """Return the alarms, newest first."""
        return await read(partial(alarm_answers.alarms, limit=limit, before=before))

    @router.get("/alarms/{alarm_id}")
    async def show_alarm(alarm_id: RowId) -> AlarmDetail:
        """Return one alarm with the images that made it most."""
        return await read(lambda connection: alarm_answers.describe(find_alarm(connection, alarm_id)))

    @router.get("/alarms/{alarm_id}/images/{sha256}", response_class=Response)
    async def image(alarm_id: RowId, sha256: str) -> Response:
        """Return an image that an alarm shows: one that made it, or a normal one beside it."""
        shown = await read(partial(shown_image, alarm_id=alarm_id, sha256=sha256))
        content = await services.blobs.in_thread(partial(services.blobs.get, shown))
        return Response(content, media_type=f"image/{image_format(content)}", headers=IMAGE_HEADERS)

    async def decide(
        decision: Decision, alarm_id: int, request: Request, sent: ReasonRequest | None
    ) -> AlarmDetail:
        actor = source_of(request)
        reason = (sent.reason if sent else "") or f"By {actor}, without a reason."

        def work(connection: Connection) -> AlarmDetail:
            return alarm_answers.describe(decision(connection, alarm_id, reason, actor))

        return await services.database.write_async(work)

    @router.post("/alarms/{alarm_id}/ack")
    async def ack(alarm_id: RowId, request: Request, sent: ReasonRequest | None = None) -> AlarmDetail:
        """Note that somebody looked at an alarm; no other of its kind is raised while it goes on."""
        return await decide(acknowledge, alarm_id, request, sent)

    @router.post("/alarms/{alarm_id}/accept")
    async def accept_alarm(
        alarm_id: RowId, request: Request, sent: ReasonRequest | None = None
    ) -> AlarmDetail:
        """Make what comes from now on normal; the alarm ends."""
        return await decide(accept, alarm_id, request, sent)

    return router
