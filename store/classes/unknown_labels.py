"""Lists the labels that production does not know, with how many samples of how many sources each has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from store.classes.decisions import Decision, read_decisions
from store.database.schema import labels, samples
from store.samples.clusters import clusters_of
from store.samples.label_rules import nearest_class
from store.samples.pending import FEEDBACK_ORIGINS
from store.samples.sample import sample_of, select_samples
from store.versions import production_classes

#: From so many samples of so many sources, in so many clusters, a label is due to become a class.
MIN_SAMPLES, MIN_SOURCES, MIN_CLUSTERS = 20, 2, 10
_NUM_SHOWN = 12
# Its clusters are counted among so many of its samples: they only have to be enough.
_MAX_CLUSTERED = 500
# So large a share of answers says what the images look like to production.
_MIN_ANSWERED = 0.5

_others = labels.alias()
_IS_LAST = labels.c.id == (
    select(func.max(_others.c.id)).where(_others.c.sample_id == samples.c.id).scalar_subquery()
)
_IS_SET_ASIDE = (samples.c.state == "quarantined") & samples.c.origin.in_(FEEDBACK_ORIGINS)
_COUNTS = (
    select(
        labels.c.label.label("name"),
        func.count().label("num_samples"),
        func.count(samples.c.source.distinct()).label("num_sources"),
        func.max(samples.c.created).label("newest"),
    )
    .select_from(samples.join(labels, labels.c.sample_id == samples.c.id))
    .where(_IS_SET_ASIDE, _IS_LAST)
    .group_by(labels.c.label)
    .order_by(func.count().desc(), labels.c.label)
)


@dataclass(frozen=True, slots=True)
class UnknownLabel:
    """A label that production does not know, and that nobody rejected.

    Attributes:
        name: The label.
        num_samples: How many samples say it last.
        num_sources: How many sources sent these.
        num_clusters: Pictures among them that are no near-duplicates, counted as far as it matters.
        newest: When the last of them arrived.
        is_due: It has samples of sources and pictures enough to become a class, or was accepted.
        nearest: The class whose name is most like it; None where none is.
        answered: What production answers on most of its images; None where it answers this and that.
        decision: That it was accepted; None while it waits for a person.
        sample_ids: Its newest samples.
    """

    name: str
    num_samples: int
    num_sources: int
    num_clusters: int
    newest: datetime
    is_due: bool
    nearest: str | None
    answered: str | None
    decision: Decision | None
    sample_ids: tuple[int, ...]


def unknown_labels(connection: Connection, limit: int = 50) -> list[UnknownLabel]:
    """Return the labels that wait or were accepted, those with most samples first.

    Args:
        connection: Where to look.
        limit: Of how many at most.
    """
    decisions, class_names = read_decisions(connection), production_classes(connection) or []
    waiting = [row for row in counts(connection) if _waits(decisions.get(row.name))]
    return [_described(connection, row, decisions.get(row.name), class_names) for row in waiting[:limit]]


def num_waiting(connection: Connection) -> int:
    """Return how many labels wait for a person: those that are due and of which nobody said anything."""
    decisions = read_decisions(connection)
    return sum(
        row.name not in decisions and row.num_samples >= MIN_SAMPLES and row.num_sources >= MIN_SOURCES
        for row in counts(connection)
    )


def counts(connection: Connection) -> list[Row[Any]]:
    """Return (name, num_samples, num_sources, newest) of each label of samples in quarantine."""
    return list(connection.execute(_COUNTS))


def samples_called(name: str) -> Select[Any]:
    """Return the query of the samples in quarantine whose last label is `name`, oldest first."""
    return (
        select_samples()
        .join(labels, labels.c.sample_id == samples.c.id)
        .where(_IS_SET_ASIDE, _IS_LAST, labels.c.label == name)
        .order_by(samples.c.id)
    )


def _waits(decision: Decision | None) -> bool:
    return decision is None or decision.word != "rejected"


def _described(
    connection: Connection, row: Row[Any], decision: Decision | None, class_names: list[str]
) -> UnknownLabel:
    newest = samples_called(row.name).order_by(None).order_by(samples.c.id.desc()).limit(_MAX_CLUSTERED)
    members = [sample_of(each) for each in connection.execute(newest)]
    num_clusters = len(set(clusters_of(members)))
    is_accepted = decision is not None and decision.word == "accepted"
    has_enough = (
        row.num_samples >= MIN_SAMPLES and row.num_sources >= MIN_SOURCES and num_clusters >= MIN_CLUSTERS
    )
    return UnknownLabel(
        name=row.name,
        num_samples=row.num_samples,
        num_sources=row.num_sources,
        num_clusters=num_clusters,
        newest=row.newest,
        is_due=is_accepted or has_enough,
        nearest=nearest_class(row.name, class_names),
        answered=_answered([sample.predicted_label for sample in members]),
        decision=decision if is_accepted else None,
        sample_ids=tuple(sample.id for sample in members[:_NUM_SHOWN]),
    )


def _answered(answers: list[str | None]) -> str | None:
    known = [answer for answer in answers if answer is not None]
    most = max(sorted(set(known)), key=known.count, default=None)
    return most if most is not None and known.count(most) >= _MIN_ANSWERED * len(answers) else None
