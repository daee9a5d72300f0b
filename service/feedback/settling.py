"""Settles a dispute with the class that a person names."""

from sqlalchemy import Connection

from store.evidence.disputes import Dispute, settle
from store.versions import production_classes
from vision.labels import class_named, clean_label


def settle_dispute(connection: Connection, dispute_id: int, label: str, by: str) -> Dispute:
    """Put a label in force, spelled as its class is, and return the settled dispute.

    Args:
        connection: Of a write.
        dispute_id: Which one.
        label: What a person typed.
        by: Who decides.

    Raises:
        LabelError: The label is empty, over-long or unprintable.
        UnknownDisputeError: There is no dispute of that number.
        UnknownClassError: The label is no class.
    """
    named = class_named(clean_label(label), production_classes(connection) or ())
    return settle(connection, dispute_id, named, by)
