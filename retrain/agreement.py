"""What the prediction log says of the champion: its live accuracy, and images to hold it to."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from retrain.evaluation import LiveAccuracy
from store import schema
from store.blobs import BlobStore
from store.chunks import chunks
from store.registry import Version
from store.samples import Sample

# One image in five is held out, by its digest, as one sample in five is.
_HELD_OUT = 5


def live_accuracy(
    connection: Connection, champion: Version, new: Sequence[Sample], min_audits: int
) -> LiveAccuracy:
    """Return production's accuracy on live traffic.

    Counted on audits where there are `min_audits`, since those were drawn whatever the answer; else read
    off the calibrated confidences of its logged predictions.

    Args:
        new: Pending samples.
    """
    audits = _own_audits(connection, champion, new)
    if len(audits) >= max(min_audits, 1):
        num_right = sum(sample.predicted_label == sample.label for sample in audits)
        return LiveAccuracy(num_right / len(audits), len(audits))
    logged = schema.predictions
    confidence = connection.scalar(
        select(func.avg(logged.c.confidence)).where(logged.c.version == champion.version)
    )
    return LiveAccuracy(None if confidence is None else float(confidence))


def _own_audits(connection: Connection, champion: Version, new: Sequence[Sample]) -> list[Sample]:
    """Return the audits of what this champion answered, not another version before it."""
    audits = {sample.prediction_id: sample for sample in new if sample.origin == "audit"}
    logged = schema.predictions
    own: list[Sample] = []
    for ids in chunks([number for number in audits if number is not None]):
        query = select(logged.c.id).where(logged.c.id.in_(ids), logged.c.version == champion.version)
        own += [audits[number] for number in connection.scalars(query)]
    return own


def logged_images(connection: Connection, blobs: BlobStore, limit: int) -> tuple[list[str], list[str]]:
    """Return SHA-256s of logged images that are no samples: to rehearse, and held out; newest first.

    Args:
        blobs: Where they lie; those that it lost are left out.
        limit: Images that are held out, at most.
    """
    logged, samples = schema.predictions, schema.samples
    rows = connection.execute(
        select(logged.c.sha256, func.max(logged.c.num_bytes).label("num_bytes"))
        .where(~select(samples.c.id).where(samples.c.sha256 == logged.c.sha256).exists())
        .group_by(logged.c.sha256)
        .order_by(func.max(logged.c.created).desc(), logged.c.sha256)
        .limit(limit * _HELD_OUT)
    )
    found = blobs.survivors({row.sha256: row.num_bytes for row in rows})
    held_out = [sha256 for sha256 in found if is_held_out(sha256)]
    return [sha256 for sha256 in found if not is_held_out(sha256)], held_out[:limit]


def is_held_out(sha256: str) -> bool:
    """Return whether an image is one that a champion without a golden set is judged on."""
    return int(sha256[:12], 16) % _HELD_OUT == 0
