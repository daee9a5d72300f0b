"""The images that a watch looks at: what production answered, and where its predecessor differs."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from store.database.chunks import chunks
from store.database.schema import (
    predictions,
    samples,
    slice_samples,
    version_samples,
    watch_images,
    watches,
)
from store.evidence.questions import WATCH, ask
from store.evidence.watches import Watch


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """What production answered on an image, when and for whom it did so first."""

    sha256: str
    label: str
    created: datetime
    source: str
    group: str | None


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log.

    Attributes:
        answers: Production's, one for each image that the watch did not look at yet, oldest first.
        read_until: Where the next page begins.
        is_last: Whether the log has nothing after it now.
    """

    answers: tuple[LoggedAnswer, ...]
    read_until: datetime
    is_last: bool


@dataclass(frozen=True, slots=True)
class AnsweredImage:
    """What production and its predecessor answered on an image that has the vote of its cluster."""

    sha256: str
    phash: int
    production_label: str
    predecessor_label: str

    @property
    def differs(self) -> bool:
        """Whether the two answers differ, so that its label tells something."""
        return self.production_label != self.predecessor_label


def read_log(connection: Connection, watch: Watch, *, only_draws: bool, limit: int) -> LogPage:
    """Return the next page of the log for a watch.

    Images are left out that production learnt from or was judged on: it was chosen for its answers to them.

    Args:
        connection: Where to look.
        watch: The watch.
        only_draws: Read the draws only.
        limit: Rows of the page, at most.
    """
    rows = _drawn(connection, watch, limit) if only_draws else _answered(connection, watch, limit)
    known = _known(connection, watch, [row.sha256 for row in rows])
    answers: dict[str, LoggedAnswer] = {}
    for row in rows:
        if row.version == watch.version and row.sha256 not in known:
            answers.setdefault(
                row.sha256, LoggedAnswer(row.sha256, row.label, row.created, row.source, row.group)
            )
    return LogPage(tuple(answers.values()), _next(watch, rows, limit), is_last=len(rows) < limit)


def add_images(
    connection: Connection,
    watch: Watch,
    images: Sequence[AnsweredImage],
    read_until: datetime,
    without_vote: Sequence[str] = (),
) -> None:
    """Store what both answered, and ask for the labels where they differ.

    Args:
        connection: Of a write.
        watch: The watch, as it was when its page of the log was read.
        images: Images of that page.
        read_until: Where the next page begins.
        without_vote: SHA-256s of images of that page in whose cluster another image has the vote.
    """
    rows = [{"watch_id": watch.id, **asdict(image)} for image in images]
    nothing = {"phash": None, "production_label": None, "predecessor_label": None}
    rows += [{"watch_id": watch.id, "sha256": sha256, **nothing} for sha256 in without_vote]
    if rows:
        connection.execute(insert(watch_images), rows)
    connection.execute(
        update(watches)
        .where(watches.c.id == watch.id)
        .values(num_images=watch.num_images + len(images), read_until=read_until)
    )
    ask(connection, [image.sha256 for image in images if image.differs], WATCH)


def answered_images(connection: Connection, watch_id: int) -> list[AnsweredImage]:
    """Return the images that have a vote in a watch."""
    query = select(*(watch_images.c[name] for name in AnsweredImage.__dataclass_fields__)).where(
        watch_images.c.watch_id == watch_id, watch_images.c.phash.is_not(None)
    )
    return [AnsweredImage(*row) for row in connection.execute(query)]


def answered_groups(connection: Connection, watch_id: int) -> set[tuple[str, str]]:
    """Return (source, group) of the groups of which an image has a vote in a watch."""
    query = (
        select(predictions.c.source, predictions.c.group)
        .join(watch_images, watch_images.c.sha256 == predictions.c.sha256)
        .where(
            watch_images.c.watch_id == watch_id,
            watch_images.c.phash.is_not(None),
            predictions.c.group.is_not(None),
        )
    )
    return {(row.source, str(row.group)) for row in connection.execute(query.distinct())}


def looked_at(connection: Connection, watch_id: int) -> list[str]:
    """Return the SHA-256s of all images that a watch looked at, with a vote or without."""
    query = select(watch_images.c.sha256).where(watch_images.c.watch_id == watch_id)
    return list(connection.execute(query).scalars())


def unlearnt_samples(connection: Connection, sha256s: Collection[str]) -> dict[int, str]:
    """Return id → split of the images' samples that are held out, or chosen on, and in no slice."""
    in_a_slice = select(slice_samples.c.sample_id).where(slice_samples.c.sample_id == samples.c.id).exists()
    splits: dict[int, str] = {}
    for chunk in chunks(sha256s):
        query = select(samples.c.id, samples.c.split).where(
            samples.c.sha256.in_(chunk), samples.c.split.in_(("holdout", "validation")), ~in_a_slice
        )
        splits |= {row.id: row.split for row in connection.execute(query)}
    return splits


def learn_samples(connection: Connection, sample_ids: Collection[int]) -> None:
    """Let samples be learnt from now on; the caller moves production, which counts the pending ones anew."""
    for chunk in chunks(sample_ids):
        connection.execute(update(samples).where(samples.c.id.in_(chunk)).values(split="train"))


def _next(watch: Watch, rows: Sequence[Row[Any]], limit: int) -> datetime:
    if not rows:
        return watch.read_until
    last: datetime = rows[-1].created
    # A full page may end amid a batch, which has one time; it is read again, unless it is all of the page.
    is_whole = len(rows) < limit or last == watch.read_until
    return last + timedelta(microseconds=1) if is_whole else last


def _answered(connection: Connection, watch: Watch, limit: int) -> list[Row[Any]]:
    return _oldest(connection, watch, limit, predictions.c.version == watch.version)


def _drawn(connection: Connection, watch: Watch, limit: int) -> list[Row[Any]]:
    # Each is one range of the draws' index; one query for both would read the whole log since.
    ranges = (
        _oldest(
            connection,
            watch,
            limit,
            predictions.c.is_audit.is_(True),
            predictions.c.is_labelled.is_(is_labelled),
        )
        for is_labelled in (False, True)
    )
    return list(islice(merge(*ranges, key=lambda row: row.created), limit))


def _oldest(
    connection: Connection, watch: Watch, limit: int, *conditions: ColumnElement[bool]
) -> list[Row[Any]]:
    columns = predictions.c
    wanted = (columns.sha256, columns.label, columns.version, columns.created, columns.source, columns.group)
    query = select(*wanted).where(*conditions, columns.created >= watch.read_until)
    return list(connection.execute(query.order_by(columns.created).limit(limit)))


def _known(connection: Connection, watch: Watch, sha256s: Sequence[str]) -> set[str]:
    """Return those of the images that the watch looked at, or that its version was made from or judged on."""
    looked_at = select(watch_images.c.sha256).where(
        watch_images.c.watch_id == watch.id, watch_images.c.sha256.in_(sha256s)
    )
    seen = (
        select(samples.c.sha256)
        .join(version_samples, version_samples.c.sample_id == samples.c.id)
        .where(samples.c.sha256.in_(sha256s), version_samples.c.version == watch.version)
    )
    return {*connection.execute(looked_at).scalars(), *connection.execute(seen).scalars()}
