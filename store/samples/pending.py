"""Lists and counts pending samples: those that no version in production's ancestry has seen.

A sample that was learnt under another label than it has now counts as unseen: its correction is yet to be
learnt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select, update

from store.database.chunks import chunks
from store.database.facts import forget_fact, read_fact, write_fact
from store.database.schema import labels, new_classes, samples, version_samples
from store.samples.sample import Sample, sample_of, select_samples
from store.versions import ancestry, production_classes, production_name

# Initial samples are seen by the version that they made, and never come as feedback.
FEEDBACK_ORIGINS = ("audit", "direct", "volunteered")
TRAINING_SPLITS = ("train", "validation")
JUDGING_SPLITS = ("holdout", "golden")

_IS_PENDING = (
    samples.c.is_seen.is_(False)
    & (samples.c.state == "accepted")
    & samples.c.origin.in_(FEEDBACK_ORIGINS)
    & samples.c.split.in_((*TRAINING_SPLITS, "holdout"))
)
_IS_TO_LEARN = _IS_PENDING & samples.c.split.in_(TRAINING_SPLITS)
_others = samples.alias()
_JUDGED_GROUPS = select(_others.c.group).where(_others.c.split.in_(JUDGING_SPLITS))
_COUNTS = (
    select(samples.c.label, samples.c.split, func.count().label("num"), func.min(samples.c.id).label("first"))
    .where(_IS_PENDING)
    .group_by(samples.c.label, samples.c.split)
)
# Of samples to learn from by their own split, those that are judged on with their group.
_NUM_JUDGED_WITH_GROUP = (
    select(samples.c.label, func.count().label("num"))
    .where(
        _IS_TO_LEARN,
        # Of these groups only, each found by its name: all groups would be a scan of all samples.
        samples.c.group.in_(
            _JUDGED_GROUPS.where(_others.c.group.in_(select(samples.c.group).where(_IS_TO_LEARN)))
        ),
    )
    .group_by(samples.c.label)
)
# What a person rejected waits for nobody. Of each sample set aside its labels are looked up: few of all are.
_IS_REJECTED = (
    select(labels.c.id)
    .join(new_classes, new_classes.c.name == labels.c.label)
    .where(labels.c.sample_id == samples.c.id, new_classes.c.word == "rejected")
    .correlate(samples)
    .exists()
)
_NUM_SET_ASIDE = (
    select(samples.c.state, func.count().label("num"))
    .where(
        samples.c.state.in_(("conflict", "quarantined")),
        samples.c.origin.in_(FEEDBACK_ORIGINS),
        (samples.c.state == "conflict") | ~_IS_REJECTED,
    )
    .group_by(samples.c.state)
)
# Up to 0.1, "num_pending" left out what is judged on.
_NUM_PENDING_FACT = "num_pending_labels"


@dataclass(frozen=True, slots=True)
class PendingCounts:
    """How many samples are pending.

    Attributes:
        num_samples: All of them, those to judge on among them: what users sent.
        num_holdout: Those to judge on.
        oldest: When the first of them came; None without one.
    """

    num_samples: int
    num_holdout: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class NewCount:
    """How many pending samples of one kind there are.

    Attributes:
        origin: audit, direct or volunteered.
        is_trusted: Their label in force is of a trusted source.
        is_held_out: They are kept to judge on.
        num: How many there are.
        first: When the first of them arrived.
        first_prediction: The smallest id of their predictions, which is the oldest; None without one.
    """

    origin: str
    is_trusted: bool
    is_held_out: bool
    num: int
    first: datetime
    first_prediction: str | None


def pending_samples(connection: Connection) -> list[Sample]:
    """Return accepted feedback that no version in production's ancestry has seen, oldest first.

    Labels that production's classes don't know are left out.
    """
    query = select_samples().where(_IS_PENDING)
    accepted = [sample_of(row) for row in connection.execute(query.order_by(samples.c.id))]
    class_names = production_classes(connection)
    return [sample for sample in accepted if class_names is None or sample.label in class_names]


def judged_groups(connection: Connection) -> set[str]:
    """Return the groups of which a sample is judged on: all their other samples are judged on too.

    A near-duplicate joins the split of the picture that it is like, so a group may reach across splits.
    """
    query = _JUDGED_GROUPS.where(_others.c.group.is_not(None)).distinct()
    return set(connection.execute(query).scalars())


def count_pending(connection: Connection) -> PendingCounts:
    """Count the pending samples by what a round would do with them, without reading them all."""
    rows = _of_production(connection, connection.execute(_COUNTS).all())
    of_groups = _of_production(connection, connection.execute(_NUM_JUDGED_WITH_GROUP).all())
    first = min((row.first for row in rows), default=None)
    oldest = select(samples.c.created).where(samples.c.id == first)
    return PendingCounts(
        num_samples=sum(row.num for row in rows),
        num_holdout=sum(row.num for row in [*of_groups, *(row for row in rows if row.split == "holdout")]),
        oldest=None if first is None else connection.execute(oldest).scalar_one(),
    )


def num_pending(connection: Connection) -> int:
    """Return how many samples are pending, those to judge on among them; enough of them begin a round.

    Every feedback asks for the number, and counting takes longer the more there are, so it is stored.
    """
    known = read_fact(connection, _NUM_PENDING_FACT)
    return _count(connection) if known is None else int(known)


def note_pending(connection: Connection, num_more: int) -> None:
    """Add newly pending samples to the stored number."""
    if num_more == 0:
        return
    known = read_fact(connection, _NUM_PENDING_FACT)
    write_fact(connection, _NUM_PENDING_FACT, _count(connection) if known is None else known + num_more)


def recount_pending(connection: Connection) -> None:
    """Have the pending samples counted anew, after any other change of them."""
    forget_fact(connection, _NUM_PENDING_FACT)


def is_counted(split: str, origin: str) -> bool:
    """Return whether an accepted sample that no version has seen is pending."""
    return split in (*TRAINING_SPLITS, "holdout") and origin in FEEDBACK_ORIGINS


def count_new(connection: Connection) -> list[NewCount]:
    """Count the pending samples by what they may judge, without reading them all."""
    by = samples.c.origin, samples.c.is_trusted, samples.c.split == "holdout"
    query = (
        select(*by, func.count(), func.min(samples.c.created), func.min(samples.c.prediction_id))
        .where(_IS_PENDING)
        .group_by(*by)
    )
    return [NewCount(*row) for row in connection.execute(query)]


def num_pending_since(connection: Connection, moment: datetime) -> int:
    """Return how many pending samples arrived after a moment."""
    query = select(func.count()).select_from(samples).where(_IS_PENDING, samples.c.created > moment)
    return int(connection.execute(query).scalar_one())


def num_set_aside(connection: Connection) -> dict[str, int]:
    """Return state → how much feedback waits for a person: "conflict" and "quarantined"."""
    counts = {row.state: int(row.num) for row in connection.execute(_NUM_SET_ASIDE)}
    return {"conflict": 0, "quarantined": 0} | counts


def num_by_label(connection: Connection) -> dict[str, int]:
    """Return label → how many samples have it in force, of whatever origin."""
    query = select(samples.c.label, func.count()).where(samples.c.state == "accepted")
    return {label: int(num) for label, num in connection.execute(query.group_by(samples.c.label))}


def replayable(connection: Connection, class_names: Sequence[str], split: str = "train") -> list[Sample]:
    """Return accepted samples of a split that a version in production's ancestry has seen, by id.

    Args:
        connection: Where to look.
        class_names: Labels to include.
        split: "train" to replay, "validation" to choose on.
    """
    query = select_samples().where(
        samples.c.is_seen.is_(True),
        samples.c.state == "accepted",
        samples.c.split == split,
        samples.c.label.in_(class_names),
    )
    return [sample_of(row) for row in connection.execute(query.order_by(samples.c.id))]


def mark_seen(connection: Connection, before: str | None, after: str) -> None:
    """Update `samples.is_seen` from one production version to the next.

    With the flag, counting the pending samples needn't read all samples ever seen: 0.2 s for 100,000.

    Args:
        connection: Of the write that moves the alias.
        before: Production until now, if there was one.
        after: Production from now on; its samples are recorded.
    """
    new = ancestry(connection, after)
    old = [] if before is None else ancestry(connection, before)
    gained, lost = set(new) - set(old), set(old) - set(new)
    if lost:
        _flag(connection, _seen_by(lost), is_seen=False)
        _flag(connection, _seen_by(lost).where(version_samples.c.sample_id.in_(_seen_by(new))), is_seen=True)
    if gained:
        _flag(connection, _seen_by(gained), is_seen=True)


def mark_seen_again(connection: Connection, sample_ids: Iterable[int]) -> None:
    """Update `samples.is_seen` of samples whose label in force has changed."""
    name = production_name(connection)
    if name is None:
        return
    seen_by = _seen_by(ancestry(connection, name))
    for chunk in chunks(sample_ids):
        can_be_learnt = samples.c.id.in_(chunk) & _can_be_learnt(samples.c.split, samples.c.origin)
        connection.execute(update(samples).where(can_be_learnt).values(is_seen=False))
        of_chunk = seen_by.where(version_samples.c.sample_id.in_(chunk))
        connection.execute(
            update(samples).where(samples.c.id.in_(of_chunk), can_be_learnt).values(is_seen=True)
        )


def note_correction(connection: Connection, sample_id: int) -> None:
    """Update `samples.is_seen` of one sample whose label in force has changed, and the pending ones' number.

    A sample that is judged on stays as it is: under a new label it is no new evidence.
    """
    mark_seen_again(connection, [sample_id])
    recount_pending(connection)


def _count(connection: Connection) -> int:
    return sum(row.num for row in _of_production(connection, connection.execute(_COUNTS).all()))


def _of_production(connection: Connection, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return the rows whose label is one of production's classes."""
    class_names = production_classes(connection)
    return [row for row in rows if class_names is None or row.label in class_names]


def _seen_by(names: Iterable[str]) -> Select[int]:
    """Return the query of samples that versions saw: those to learn from, under the label they have now."""
    can_be_learnt = _can_be_learnt(_others.c.split, _others.c.origin)
    return (
        select(version_samples.c.sample_id)
        .join(_others, _others.c.id == version_samples.c.sample_id)
        .outerjoin(labels, labels.c.id == version_samples.c.label_revision)
        .where(
            version_samples.c.version.in_(sorted(names)),
            or_(~can_be_learnt, labels.c.label.is_(None), labels.c.label == _others.c.label),
        )
    )


def _can_be_learnt(split: ColumnElement[str], origin: ColumnElement[str]) -> ColumnElement[bool]:
    return split.in_(TRAINING_SPLITS) & origin.in_(FEEDBACK_ORIGINS)


def _flag(connection: Connection, ids: Select[int], *, is_seen: bool) -> None:
    connection.execute(update(samples).where(samples.c.id.in_(ids)).values(is_seen=is_seen))
