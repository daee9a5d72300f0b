"""Notes that labels of images came, so that nobody is asked for them again."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, or_, select, update

from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import predictions, questions, samples

# Built once: building a statement takes longer than running it.
_LABELLED = select(samples.c.sha256).where(
    samples.c.sha256.in_(bindparam("sha256s", expanding=True)), samples.c.state.in_(("accepted", "conflict"))
)
_MARK_PREDICTIONS = (
    update(predictions)
    .where(predictions.c.sha256.in_(bindparam("sha256s", expanding=True)))
    .values(is_labelled=True)
)
_MARK_QUESTION = (
    update(questions)
    .where(
        questions.c.sha256 == bindparam("of_image"),
        or_(questions.c.answered.is_(None), questions.c.is_none.is_(True)),
    )
    .values(answered=bindparam("moment"), answered_by=bindparam("by"), is_none=False)
)


def mark_labelled(connection: Connection, sources: Mapping[str, str]) -> None:
    """Note that labels of images came, so that nobody is asked for them again, however they came.

    A label that is no class, or whose source is quarantined, doesn't count.

    Args:
        connection: Of a write.
        sources: SHA-256 of each image → who sent the label.
    """
    moment = now(connection)
    for chunk in chunks(sources):
        labelled = list(connection.execute(_LABELLED, {"sha256s": chunk}).scalars())
        if labelled:
            connection.execute(_MARK_PREDICTIONS, {"sha256s": labelled})
            rows = [{"of_image": sha256, "moment": moment, "by": sources[sha256]} for sha256 in labelled]
            connection.execute(_MARK_QUESTION, rows)
