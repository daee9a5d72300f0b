"""The pool of a round: the held-out images that it is judged on as new, with both answers to each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from store.database.chunks import chunks
from store.database.schema import labels, pool_images, samples
from store.evidence.held_out import mark_judged
from store.evidence.questions import none_answers
from store.forgotten_images import let_go


@dataclass(frozen=True, slots=True)
class PoolImage:
    """An image of a pool.

    Attributes:
        sha256: Of its bytes.
        cluster: Near-duplicates share a number; one of them judges.
        is_judging: Whether it is that one.
        source: The key that asked for its prediction.
        champion_label: What production answers; None where it does not judge, or the answer is no number.
        candidate_label: What the candidate answers, likewise.
    """

    sha256: str
    cluster: int
    is_judging: bool
    source: str
    champion_label: str | None
    candidate_label: str | None


@dataclass(frozen=True, slots=True)
class LabelOf:
    """What people said of an image.

    Attributes:
        label: The label in force; None without one.
        is_none: Somebody answered "none of the classes", and nobody gave a label.
        source: Whose label, or answer, it is; None where nobody is known.
        is_trusted: A trusted source or a settlement stands behind the label.
    """

    label: str | None
    is_none: bool
    source: str | None
    is_trusted: bool = False


def store_pool(connection: Connection, round_id: int, images: Sequence[PoolImage]) -> None:
    """Write down the pool of a round, in place of what an earlier try of it wrote."""
    connection.execute(delete(pool_images).where(pool_images.c.round_id == round_id))
    rows = [{"round_id": round_id, **_columns_of(image)} for image in images]
    if rows:
        connection.execute(insert(pool_images), rows)


def read_pool(connection: Connection, round_id: int) -> list[PoolImage]:
    """Return the images of a pool that judge, one of each cluster."""
    query = (
        select(*(pool_images.c[name] for name in PoolImage.__dataclass_fields__))
        .where(pool_images.c.round_id == round_id, pool_images.c.is_judging.is_(True))
        .order_by(pool_images.c.cluster)
    )
    return [PoolImage(*row) for row in connection.execute(query)]


def labels_of(connection: Connection, sha256s: Collection[str]) -> dict[str, LabelOf]:
    """Return SHA-256 → what people said, of the images of which they said something that counts.

    A label that others contradict, or that names no class, does not count.
    """
    known: dict[str, LabelOf] = {}
    for chunk in chunks(sha256s):
        query = (
            select(samples.c.sha256, samples.c.label, labels.c.source, samples.c.is_trusted)
            .outerjoin(labels, labels.c.id == samples.c.label_revision)
            .where(samples.c.sha256.in_(chunk), samples.c.state == "accepted")
        )
        known |= {sha256: LabelOf(None, True, by) for sha256, by in none_answers(connection, chunk).items()}
        known |= {
            row.sha256: LabelOf(row.label, False, row.source, row.is_trusted)
            for row in connection.execute(query)
        }
    return known


def evidence_samples(connection: Connection, round_id: int) -> list[int]:
    """Return the ids of the samples that a round is judged on: labelled images of its pool, one a cluster."""
    query = (
        select(samples.c.id)
        .join(pool_images, pool_images.c.sha256 == samples.c.sha256)
        .where(
            pool_images.c.round_id == round_id,
            pool_images.c.is_judging.is_(True),
            samples.c.state == "accepted",
            samples.c.split == "holdout",
        )
    )
    return list(connection.execute(query.order_by(samples.c.id)).scalars())


def release_pool(connection: Connection, round_id: int) -> None:
    """Note that the images of a pool judge no other round."""
    query = select(pool_images.c.sha256).where(pool_images.c.round_id == round_id)
    sha256s = list(connection.execute(query).scalars())
    mark_judged(connection, sha256s, round_id)
    let_go(connection, sha256s)


def _columns_of(image: PoolImage) -> dict[str, object]:
    return {name: getattr(image, name) for name in PoolImage.__dataclass_fields__}
