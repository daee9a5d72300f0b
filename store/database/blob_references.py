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

_OPEN_QUESTIONS = select(questions.c.sha256).where(
    questions.c.answered.is_(None), questions.c.is_withdrawn.is_(False)
)
_UNFINISHED_POOLS = (
    select(pool_images.c.sha256)
    .join(rounds, rounds.c.id == pool_images.c.round_id)
    .where(rounds.c.state.in_(sorted(UNFINISHED)))
)
_ALARMS = (
    select(alarm_images.c.sha256)
    .join(alarms, alarms.c.id == alarm_images.c.alarm_id)
    .where(alarms.c.ended.is_(None))
)
# Columns with the queries that select of them what is kept.
_EVIDENCE = (
    (questions.c.sha256, _OPEN_QUESTIONS),
    (pool_images.c.sha256, _UNFINISHED_POOLS),
    (alarm_images.c.sha256, _ALARMS),
    (alarm_images.c.nearest_sha256, _ALARMS.with_only_columns(alarm_images.c.nearest_sha256)),
)


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
    of_rows = [select(column).where(column.in_(shas)) for column in (samples.c.sha256, predictions.c.sha256)]
    of_evidence = [query.where(column.in_(shas)) for column, query in _EVIDENCE]
    return {
        sha256
        for query in (*of_rows, *of_evidence)
        for sha256 in connection.execute(query.distinct()).scalars()
    }


def evidence_images(connection: Connection) -> set[str]:
    """Return all images that are kept though their predictions may have expired."""
    return {
        sha256
        for _, query in _EVIDENCE
        for sha256 in connection.execute(query.distinct()).scalars()
        if sha256
    }


def version_blobs(connection: Connection) -> set[str]:
    """Return the SHA-256s of all files of all versions."""
    return {sha for files in connection.execute(select(versions.c.files)).scalars() for sha in files.values()}
