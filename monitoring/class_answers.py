"""What a reader is answered about classes, and labels that production does not know."""

from dataclasses import asdict

from sqlalchemy import Connection

from monitoring.answers.classes import ClassDecision, ClassList, KnownClass, UnknownLabelDetail
from store.classes.decisions import Decision
from store.classes.unknown_labels import UnknownLabel, unknown_labels
from store.samples.pending import num_by_label
from store.versions import production_classes


def classes(connection: Connection, limit: int = 50) -> ClassList:
    """Return the labels that production does not know, `limit` of them at most, and its classes."""
    num_of = num_by_label(connection)
    return ClassList(
        unknown=[_unknown(each) for each in unknown_labels(connection, limit)],
        classes=[
            KnownClass(name=name, num_samples=num_of.get(name, 0))
            for name in production_classes(connection) or []
        ],
    )


def decision(record: Decision) -> ClassDecision:
    """Return a decision as it is answered."""
    return ClassDecision.model_validate(asdict(record))


def _unknown(label: UnknownLabel) -> UnknownLabelDetail:
    accepted = label.decision
    return UnknownLabelDetail(
        name=label.name,
        num_samples=label.num_samples,
        num_sources=label.num_sources,
        num_clusters=label.num_clusters,
        newest=label.newest,
        is_due=label.is_due,
        nearest=label.nearest,
        answered=label.answered,
        accepted_by=None if accepted is None else accepted.decided_by,
        accepted=None if accepted is None else accepted.decided,
        sample_ids=list(label.sample_ids),
    )
