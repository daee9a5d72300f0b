"""The history of several versions at once: their parents, their promotions and their measured values."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from store.database.schema import alias_moves, labels, measurements, samples, version_samples, versions
from store.measurements import Measurement
from store.registry import Move, move_of
from store.versions import PRODUCTION

#: A source that gave less of what a version learnt is none of its main ones.
MAIN_SHARE = 0.1


def parents_in_lineage(connection: Connection, lineage: int) -> dict[str, str | None]:
    """Return version → parent of each version of a lineage, oldest first."""
    query = select(versions.c.version, versions.c.parent).where(versions.c.lineage == lineage)
    return {row.version: row.parent for row in connection.execute(query.order_by(versions.c.number))}


def last_promotions(connection: Connection, names: Sequence[str]) -> dict[str, Move]:
    """Return version → the last move of the alias to it, for those that ever were production."""
    query = select(alias_moves).where(alias_moves.c.name == PRODUCTION, alias_moves.c.to_version.in_(names))
    return {row.to_version: move_of(row) for row in connection.execute(query.order_by(alias_moves.c.id))}


def last_moves(connection: Connection, limit: int) -> list[Move]:
    """Return the last moves of production, oldest first."""
    query = select(alias_moves).where(alias_moves.c.name == PRODUCTION).order_by(alias_moves.c.id.desc())
    return [move_of(row) for row in connection.execute(query.limit(limit))][::-1]


def rounds_of(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return version → the round that made it, for those that a round made."""
    query = select(versions.c.version, versions.c.round_id).where(
        versions.c.version.in_(names), versions.c.round_id.is_not(None)
    )
    return {row.version: row.round_id for row in connection.execute(query)}


def first_rounds(connection: Connection) -> dict[int, int]:
    """Return sample id → the round whose version learnt it first, or chose on it; not of first trainings."""
    query = (
        select(version_samples.c.sample_id, func.min(versions.c.round_id).label("round_id"))
        .join(versions, versions.c.version == version_samples.c.version)
        .where(versions.c.round_id.is_not(None), version_samples.c.role.in_(("train", "validation")))
        .group_by(version_samples.c.sample_id)
    )
    return {sample_id: int(round_id) for sample_id, round_id in connection.execute(query)}


def num_roll_backs(connection: Connection) -> int:
    """Return how often production was rolled back, by whomever."""
    query = select(func.count()).where(alias_moves.c.name == PRODUCTION, alias_moves.c.is_roll_back.is_(True))
    return int(connection.execute(query).scalar_one())


class LearntSource(NamedTuple):
    """A source of what a version learnt: how many of its new labels it gave, and whether trusted ones."""

    source: str
    num: int
    is_trusted: bool


def sources_learnt(connection: Connection, version: str) -> list[LearntSource]:
    """Return the sources of the new labels that a version learnt, largest first.

    What it rehearsed of earlier versions is left out, and so is what a first training was given.
    """
    source = func.coalesce(labels.c.source, samples.c.source)
    num, is_trusted = func.count(), func.max(case((samples.c.is_trusted, 1), else_=0))
    query = (
        select(source, num, is_trusted)
        .select_from(version_samples)
        .join(samples, samples.c.id == version_samples.c.sample_id)
        .outerjoin(labels, labels.c.id == version_samples.c.label_revision)
        .where(
            version_samples.c.version == version,
            version_samples.c.role == "train",
            samples.c.origin != "initial",
        )
        .group_by(source)
        .order_by(num.desc(), source)
    )
    return [LearntSource(by, int(many), bool(trusted)) for by, many, trusted in connection.execute(query)]


def main_sources(learnt: Sequence[LearntSource]) -> list[LearntSource]:
    """Return the sources that gave a tenth or more of what was learnt."""
    num_all = sum(each.num for each in learnt)
    return [each for each in learnt if each.num >= MAIN_SHARE * num_all]


def latest_on_slices(connection: Connection, metric: str, names: Sequence[str]) -> list[Measurement]:
    """Return the last value of a metric of each version on each slice, the oldest pair first.

    Only `metric`, `value`, `num_samples`, `version` and `slice` are filled in.
    """
    query = select(
        measurements.c.version, measurements.c.slice, measurements.c.value, measurements.c.num_samples
    ).where(
        measurements.c.metric == metric,
        measurements.c.version.in_(names),
        measurements.c.slice.is_not(None),
    )
    latest: dict[tuple[str, str], Measurement] = {}
    for version, slice_name, value, num_samples in connection.execute(query.order_by(measurements.c.id)):
        latest[version, slice_name] = Measurement(
            metric, value, num_samples, version=version, slice=slice_name
        )
    return list(latest.values())
