"""Which rows name a blob: samples, predictions, versions, open questions and alarms, unfinished pools."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from store.database.chunks import chunks
from store.database.schema import (
    alarm_images,
    alarms,
    pool_images,
    predictions,
    questions,
    rounds,
    samples,
    versions,
)
from store.round_states import UNFINISHED


def unreferenced(connection: Connection, shas: Iterable[str]) -> list[str]:
    """Return those of `shas` that no row names, each once, in their order."""
    distinct = list(dict.fromkeys(shas))
    if not distinct:
        return []
    named = version_blobs(connection)
    for chunk in chunks(distinct):
        named |= kept_images(connection, chunk)
    return [sha256 for sha256 in distinct if sha256 not in named]


def kept_images(connection: Connection, shas: Sequence[str]) -> set[str]:
    """Return those of some images that must be kept.

    These are of samples, predictions, open questions, unfinished pools, and alarms that have not ended.

    Args:
        connection: Where to look.
        shas: So many as one statement takes, see `chunks`.
    """
    open_question = questions.c.answered.is_(None) & questions.c.is_withdrawn.is_(False)
    unfinished = select(pool_images.c.sha256).join(rounds, rounds.c.id == pool_images.c.round_id)
    of_alarm = select(alarm_images.c.sha256).join(alarms, alarms.c.id == alarm_images.c.alarm_id)
    nearest = of_alarm.with_only_columns(alarm_images.c.nearest_sha256)
    is_unended = alarms.c.ended.is_(None)
    queries = (
        select(samples.c.sha256).where(samples.c.sha256.in_(shas)),
        select(predictions.c.sha256).where(predictions.c.sha256.in_(shas)),
        select(questions.c.sha256).where(questions.c.sha256.in_(shas), open_question),
        unfinished.where(pool_images.c.sha256.in_(shas), rounds.c.state.in_(sorted(UNFINISHED))),
        of_alarm.where(alarm_images.c.sha256.in_(shas), is_unended),
        nearest.where(alarm_images.c.nearest_sha256.in_(shas), is_unended),
    )
    return {sha256 for query in queries for sha256 in connection.execute(query.distinct()).scalars()}


def version_blobs(connection: Connection) -> set[str]:
    """Return the SHA-256s of all files of all versions."""
    return {sha for files in connection.execute(select(versions.c.files)).scalars() for sha in files.values()}
