"""The images of the log that are held out: nothing is learnt from them until a round judged on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from store.database.chunks import chunks
from store.database.schema import held_out_images, samples

# Built once: building a statement takes longer than running it.
_KNOWN = select(held_out_images.c.sha256).where(
    held_out_images.c.sha256.in_(bindparam("sha256s", expanding=True))
)
_SEEN_AGAIN = (
    update(held_out_images)
    .where(held_out_images.c.sha256.in_(bindparam("sha256s", expanding=True)))
    .values(last_seen=bindparam("moment"))
)
_SAMPLED = select(samples.c.sha256).where(samples.c.sha256.in_(bindparam("sha256s", expanding=True)))
_INSERT = insert(held_out_images)
_IS_LEARNT = (
    select(samples.c.id)
    .where(samples.c.sha256 == held_out_images.c.sha256, samples.c.split != "holdout")
    .exists()
)
_MAY_JUDGE = (held_out_images.c.judged_in.is_(None), ~_IS_LEARNT)


@dataclass(frozen=True, slots=True)
class HeldOutImage:
    """An image of the log that is held out.

    Attributes:
        sha256: Of its bytes.
        rank: Its place in the order in which pools take images.
        source: The key that asked for its first prediction.
        group: The group that its client put it into, then.
        first_seen: When it was predicted first.
        last_seen: When it was predicted last.
    """

    sha256: str
    rank: int
    source: str
    group: str | None
    first_seen: datetime
    last_seen: datetime


def hold_out(
    connection: Connection, sha256s: Collection[str], new: Sequence[HeldOutImage], moment: datetime
) -> None:
    """Note that images were predicted, and hold new ones out.

    Args:
        connection: Of a write.
        sha256s: All images that were predicted; those held out before were seen again.
        new: Those that the log did not know and whose split is holdout. What is a sample already was split
            when it came, and stays what it is.
        moment: When the last of them was predicted.
    """
    known: set[str] = set()
    for chunk in chunks(sha256s):
        again = list(connection.execute(_KNOWN, {"sha256s": chunk}).scalars())
        if again:
            connection.execute(_SEEN_AGAIN, {"sha256s": again, "moment": moment})
        known.update(again)
    for chunk in chunks(image.sha256 for image in new):
        known.update(connection.execute(_SAMPLED, {"sha256s": chunk}).scalars())
    rows = [_columns_of(image) for image in new if image.sha256 not in known]
    if rows:
        connection.execute(_INSERT, rows)


def held_out_since(
    connection: Connection, since: datetime, after: HeldOutImage | None, limit: int
) -> list[HeldOutImage]:
    """Return a page of the images that may judge a round, by the time at which they were seen last.

    Those that judged a round before are left out, and those whose sample is learnt from. One that is seen
    again between two pages comes once more, on a later page.

    Args:
        connection: Where to look.
        since: Seen last then or later.
        after: The last image of the page before; None for the first page.
        limit: Images of the page, at most.
    """
    columns = held_out_images.c
    query = select(*(columns[name] for name in HeldOutImage.__dataclass_fields__)).where(
        columns.last_seen >= (since if after is None else max(since, after.last_seen)), *_MAY_JUDGE
    )
    if after is not None:
        query = query.where(or_(columns.last_seen > after.last_seen, columns.sha256 > after.sha256))
    rows = connection.execute(query.order_by(columns.last_seen, columns.sha256).limit(limit))
    return [HeldOutImage(*row) for row in rows]


def num_held_out(connection: Connection, since: datetime, limit: int) -> int:
    """Return how many images may judge a round, `limit` at most: those seen last at `since` or later."""
    some = select(held_out_images.c.sha256).where(held_out_images.c.last_seen >= since, *_MAY_JUDGE)
    query = select(func.count()).select_from(some.limit(limit).subquery())
    return int(connection.execute(query).scalar_one())


def held_out(connection: Connection, sha256s: Collection[str]) -> set[str]:
    """Return those of the images that are held out, or were once."""
    known: set[str] = set()
    for chunk in chunks(sha256s):
        known.update(connection.execute(_KNOWN, {"sha256s": chunk}).scalars())
    return known


def still_held_out(connection: Connection, sample_ids: Collection[int]) -> set[int]:
    """Return those of the samples whose image was predicted, is held out, and judged no round yet."""
    known: set[int] = set()
    for chunk in chunks(sample_ids):
        query = select(samples.c.id).join(held_out_images, held_out_images.c.sha256 == samples.c.sha256)
        query = query.where(
            samples.c.id.in_(chunk), samples.c.split == "holdout", held_out_images.c.judged_in.is_(None)
        )
        known.update(connection.execute(query).scalars())
    return known


def mark_judged(connection: Connection, sha256s: Collection[str], round_id: int) -> None:
    """Note that a round's verdict was given on images: they judge no other, and may be learnt from now on."""
    for chunk in chunks(sha256s):
        connection.execute(
            update(held_out_images)
            .where(held_out_images.c.sha256.in_(chunk), held_out_images.c.judged_in.is_(None))
            .values(judged_in=round_id)
        )


def _columns_of(image: HeldOutImage) -> dict[str, object]:
    return {name: getattr(image, name) for name in HeldOutImage.__dataclass_fields__}
