"""Forgets images of evidence: those that a person deleted, and those whose predictions expired."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from store.database.blob_references import kept_images
from store.database.chunks import chunks
from store.database.schema import (
    alarm_images,
    drift_images,
    held_out_answers,
    held_out_images,
    pool_images,
    predictions,
    questions,
    samples,
    versions,
    watch_images,
)

#: The priority of questions that are asked of draws, last of all.
DRAW = 0


def let_go(connection: Connection, sha256s: Collection[str]) -> None:
    """Forget those of the held-out images that nothing needs: see `kept_images`."""
    for chunk in chunks(sha256s):
        named = kept_images(connection, chunk)
        going = [sha256 for sha256 in chunk if sha256 not in named]
        if going:
            connection.execute(delete(held_out_images).where(held_out_images.c.sha256.in_(going)))


def expire_images(connection: Connection, sha256s: Collection[str]) -> None:
    """Let images go whose last prediction expired: nobody is asked for the labels of draws among them now.

    Those that a trial or a watch asks for are kept until it ends.
    """
    for chunk in chunks(sha256s):
        connection.execute(
            update(questions)
            .where(
                questions.c.sha256.in_(chunk),
                questions.c.answered.is_(None),
                questions.c.is_withdrawn.is_(False),
                questions.c.priority == DRAW,
            )
            .values(is_withdrawn=True)
        )
    let_go(connection, sha256s)


def forget_deleted(connection: Connection, sha256: str) -> None:
    """Forget an image whose prediction or sample a person deleted, once it is neither.

    Its pool and its alarm lose it.
    """
    is_named = or_(
        select(predictions.c.id).where(predictions.c.sha256 == sha256).exists(),
        select(samples.c.id).where(samples.c.sha256 == sha256).exists(),
    )
    if connection.execute(select(is_named)).scalar_one():
        return
    forget_answers_on(connection, sha256)
    for table in (held_out_images, pool_images, questions, watch_images, drift_images, alarm_images):
        connection.execute(delete(table).where(table.c.sha256 == sha256))
    is_nearest = alarm_images.c.nearest_sha256 == sha256
    connection.execute(update(alarm_images).where(is_nearest).values(nearest_sha256=None))


def forget_questions(connection: Connection, before: datetime) -> None:
    """Forget questions that were closed, and that were asked or answered before a moment."""
    withdrawn = questions.c.answered.is_(None) & questions.c.is_withdrawn.is_(True)
    connection.execute(delete(questions).where(questions.c.answered < before))
    connection.execute(delete(questions).where(withdrawn, questions.c.created < before))


def forget_answers_of(connection: Connection, version: str) -> None:
    """Remove all answers of a version, for when it is served in another form."""
    connection.execute(delete(held_out_answers).where(held_out_answers.c.version == version))


def forget_answers_on(connection: Connection, sha256: str) -> None:
    """Remove all answers on an image, for when it is deleted."""
    connection.execute(
        delete(held_out_answers).where(
            # Each version named, so that the key finds its row: an index by image would be written for each.
            held_out_answers.c.version.in_(select(versions.c.version)),
            held_out_answers.c.sha256 == sha256,
        )
    )
