"""The routes of versions: models, promotion and roll-back, drift and forgetting."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import Connection

from monitoring import summary
from monitoring.accuracy_history import accuracy_history
from monitoring.answers.accuracy import AccuracyHistory, Comparison
from monitoring.answers.models import ModelDetail, ModelList
from monitoring.answers.quality import Drift, Forgetting
from monitoring.comparison import compare
from service.routes.parameters import Before, Limit, source_of
from service.schemas import MoveBody, PromoteRequest, RollBackRequest
from service.services import Services
from store import learning_state, registry
from store.registry import Move

_NAME = r"^v[1-9][0-9]{0,14}$"
VersionName = Annotated[str, Path(pattern=_NAME, description='Such as "v3".')]
OtherName = Annotated[str, Query(pattern=_NAME, description="The version to compare with.")]
ClassPart = Annotated[str, Query(max_length=200, description="Only classes whose names contain this.")]


def create_router(services: Services) -> APIRouter:
    """Return the routes over one process's services."""
    router = APIRouter(prefix="/v1", tags=["versions"])
    read, write = services.database.read_async, services.database.write_async

    @router.get("/models")
    async def models(limit: Limit = 50, before: Before = None) -> ModelList:
        """Return the versions, newest first."""
        return await read(partial(summary.models, limit=limit, before=before))

    @router.get("/models/{version}")
    async def model(version: VersionName) -> ModelDetail:
        """Return one version with its classes and files."""
        return await read(partial(summary.model, version=version))

    @router.get("/models/{version}/comparison")
    async def comparison(
        version: VersionName, other: OtherName, label: ClassPart = "", limit: Limit = 20
    ) -> Comparison:
        """Compare a version with another one on the labelled images that both answered."""
        return await read(partial(compare, version=version, other=other, part=label, limit=limit))

    async def move(work: Callable[[Connection], Move]) -> MoveBody:
        return await write(lambda connection: _body(connection, work(connection)))

    @router.post("/models/{version}/promote")
    async def promote(version: VersionName, request: Request, sent: PromoteRequest | None = None) -> MoveBody:
        """Make a version production; every worker swaps to it within seconds."""
        sent, actor = sent or PromoteRequest(), source_of(request)
        reason = sent.reason or f"Promoted by {actor}."
        return await move(
            partial(registry.promote, version=version, reason=reason, actor=actor, force=sent.force)
        )

    @router.post("/rollback")
    async def roll_back(request: Request, sent: RollBackRequest | None = None) -> MoveBody:
        """Go back to the predecessor, or an earlier version; learning waits until it is resumed."""
        sent, actor = sent or RollBackRequest(), source_of(request)
        reason = sent.reason or f"Rolled back by {actor}."
        return await move(
            partial(registry.roll_back, reason=reason, actor=actor, to=sent.to, force=sent.force)
        )

    @router.get("/drift")
    async def drift(limit: Limit = 500) -> Drift:
        """Return how far the logged embeddings are from those that production was trained on, over time."""
        return await read(partial(summary.drift, limit=limit))

    @router.get("/accuracy")
    async def accuracy(limit: Limit = 100) -> AccuracyHistory:
        """Return how good production was over time, at each of its last moves, oldest first."""
        return await read(partial(accuracy_history, limit=limit))

    @router.get("/forgetting")
    async def forgetting() -> Forgetting:
        """Return the accuracy of every version on every slice, and what production forgot."""
        return await read(summary.forgetting)

    return router


def _body(connection: Connection, move: Move) -> MoveBody:
    return MoveBody(
        from_version=move.from_version,
        to_version=move.to_version,
        reason=move.reason,
        actor=move.actor,
        created=move.created,
        learning_paused=learning_state.paused(connection) is not None,
    )
