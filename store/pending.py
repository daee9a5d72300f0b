"""What no version in production's ancestry has seen, and what one has."""

from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, Connection, func, select

from store.sample_rows import Sample, sample_of
from store.schema import alias, samples, version_samples, versions

# Initial samples are seen by the version that they made, and never come as feedback.
FEEDBACK_ORIGINS = ("audit", "direct", "volunteered")
TRAINING_SPLITS = ("train", "validation")


def pending(connection: Connection) -> list[Sample]:
    """Return accepted feedback that no version in production's ancestry has seen, oldest first.

    Labels that production's classes don't know are left out.
    """
    query = select(samples).where(_is_pending(), samples.c.split.in_((*TRAINING_SPLITS, "holdout")))
    found = [sample_of(row) for row in connection.execute(query.order_by(samples.c.id))]
    class_names = _production_classes(connection)
    return [sample for sample in found if class_names is None or sample.label in class_names]


def num_pending(connection: Connection) -> int:
    """Return how many pending samples are there to learn from: what is compared with a round's threshold."""
    query = select(func.count()).select_from(samples)
    query = query.where(_is_pending(), samples.c.split.in_(TRAINING_SPLITS))
    class_names = _production_classes(connection)
    if class_names is not None:
        query = query.where(samples.c.label.in_(class_names))
    return int(connection.execute(query).scalar_one())


def replayable(connection: Connection, class_names: Sequence[str], split: str = "train") -> list[Sample]:
    """Return accepted samples of a split that a version in production's ancestry has seen, by id.

    Args:
        connection: Where to look.
        class_names: Labels to take.
        split: "train" to replay, "validation" to choose on.
    """
    query = select(samples).where(
        samples.c.state == "accepted", samples.c.split == split, samples.c.label.in_(class_names), _is_seen()
    )
    return [sample_of(row) for row in connection.execute(query.order_by(samples.c.id))]


def _is_pending() -> ColumnElement[bool]:
    return (samples.c.state == "accepted") & samples.c.origin.in_(FEEDBACK_ORIGINS) & ~_is_seen()


def _is_seen() -> ColumnElement[bool]:
    line = _ancestry()
    return (
        select(version_samples.c.sample_id)
        .where(
            version_samples.c.sample_id == samples.c.id,
            version_samples.c.version.in_(select(line.c.version)),
        )
        .exists()
    )


def _ancestry() -> CTE:
    """Return production and its ancestors."""
    production = select(versions.c.version, versions.c.parent).join(
        alias, (alias.c.version == versions.c.version) & (alias.c.name == "production")
    )
    line = production.cte("ancestry", recursive=True)
    parents = select(versions.c.version, versions.c.parent).join(line, line.c.parent == versions.c.version)
    return line.union(parents)


def _production_classes(connection: Connection) -> list[str] | None:
    query = select(versions.c.class_names).join(
        alias, (alias.c.version == versions.c.version) & (alias.c.name == "production")
    )
    return connection.execute(query).scalar_one_or_none()
