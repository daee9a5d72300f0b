"""The routes of classes: the labels that production does not know, and what a person says of them."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from monitoring import class_answers
from monitoring.answers.classes import ClassDecision, ClassList
from service.routes.parameters import Limit, source_of
from service.schemas import MergeRequest
from service.services import Services
from store.classes.deciding import accept, merge, reject
from store.classes.decisions import Decision
from vision.labels import clean_label


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["classes"])

    async def decide(decision: Callable[[Connection], Decision]) -> ClassDecision:
        return await services.database.write_async(lambda c: class_answers.decision(decision(c)))

    @router.get("/classes")
    async def list_classes(limit: Limit = 50) -> ClassList:
        """Return the labels that production does not know, those with most samples first, and its classes."""
        return await services.database.read_async(partial(class_answers.classes, limit=limit))

    # Paths, since a label may have a slash.
    @router.post("/classes/{name:path}/accept")
    async def accept_label(name: str, request: Request) -> ClassDecision:
        """Accept a label as a class: the next round learns it."""
        return await decide(partial(accept, name=clean_label(name), by=source_of(request)))

    @router.post("/classes/{name:path}/merge")
    async def merge_label(name: str, request: Request, sent: MergeRequest) -> ClassDecision:
        """Have a label mean another class, or another label that waits: its samples get that label."""
        into, by = clean_label(sent.into), source_of(request)
        return await decide(partial(merge, name=clean_label(name), into=into, by=by))

    @router.post("/classes/{name:path}/reject")
    async def reject_label(name: str, request: Request) -> ClassDecision:
        """Keep a label out for good; its samples stay in quarantine, and wait no longer."""
        return await decide(partial(reject, name=clean_label(name), by=source_of(request)))

    return router
