"""What a reader is answered about sources of labels."""

from sqlalchemy import Connection

from monitoring.answers.sources import (
    Quarantine,
    SourceDecision,
    SourceDetail,
    SourceList,
    SourceReview,
)
from store import sources as store
from store.errors import UnknownSourceError
from store.rounds.log import SOURCES_STEP, last_steps_named

# A source of which so many rounds reviewed nothing has no review.
_NUM_ROUNDS = 50


def sources(connection: Connection) -> SourceList:
    """Return all sources of feedback, the largest first."""
    reviews = _reviews(connection)
    return SourceList(
        sources=[_detail(connection, each, reviews.get(each.name)) for each in store.read_sources(connection)]
    )


def source(connection: Connection, name: str) -> SourceDetail:
    """Return one source.

    Raises:
        UnknownSourceError: There is none of that name.
    """
    for each in store.read_sources(connection):
        if each.name == name:
            return _detail(connection, each, _reviews(connection).get(name))
    raise UnknownSourceError(f"Expected the name of a source of feedback, found {name[:100]!r}.")


def quarantine(connection: Connection, name: str, reason: str, by: str) -> SourceDecision:
    """Quarantine a source, and return it with what that changed; see `store.sources.quarantine`."""
    num_changed = store.quarantine(connection, name, reason, by)
    return SourceDecision(source=source(connection, name), num_changed=num_changed)


def release(connection: Connection, name: str) -> SourceDecision:
    """Release a source, and return it with what that changed; see `store.sources.release`."""
    num_changed = store.release(connection, name)
    return SourceDecision(source=source(connection, name), num_changed=num_changed)


def _detail(connection: Connection, record: store.Source, review: SourceReview | None) -> SourceDetail:
    matters = record.quarantine is not None or (review is not None and review.is_named)
    return SourceDetail(
        name=record.name,
        num_samples=record.num_samples,
        num_in_force=record.num_in_force,
        quarantine=None
        if record.quarantine is None
        else Quarantine(
            since=record.quarantine.since, by=record.quarantine.by, reason=record.quarantine.reason
        ),
        review=review,
        # Each is a search of all that versions learnt.
        versions=store.versions_that_learnt(connection, record.name) if matters else [],
    )


def _reviews(connection: Connection) -> dict[str, SourceReview]:
    """Return source → what the last round that reviewed it found."""
    reviews: dict[str, SourceReview] = {}
    for round_id, step in last_steps_named(connection, SOURCES_STEP, _NUM_ROUNDS):
        for each in step.detail["sources"]:
            fields = {name: each[name] for name in SourceReview.model_fields if name != "round_id"}
            reviews.setdefault(each["source"], SourceReview(round_id=round_id, **fields))
    return reviews
