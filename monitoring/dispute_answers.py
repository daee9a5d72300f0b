"""What a reader is answered about disputes."""

from dataclasses import asdict

from sqlalchemy import Connection

from monitoring.answers.disputes import DisputeDetail, DisputeList
from store.evidence.disputes import Dispute, num_disputes, open_disputes


def disputes(connection: Connection, limit: int = 50, before: int | None = None) -> DisputeList:
    """Return the open disputes, newest first; `before` is a dispute's id."""
    page = open_disputes(connection, limit=limit, before=before)
    return DisputeList(disputes=[dispute(each) for each in page], num_disputes=num_disputes(connection))


def dispute(record: Dispute) -> DisputeDetail:
    """Return one dispute as it is answered."""
    fields = {name: value for name, value in asdict(record).items() if name != "sha256"}
    return DisputeDetail.model_validate(fields)
