"""What the prediction log shows of the champion: its live accuracy, and images to judge it on."""

from collections.abc import Sequence

from sqlalchemy import Connection

from retrain.evaluation import LiveAccuracy
from store.predictions import evidence
from store.samples.sample import Sample
from store.state import State
from store.versions import Version

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
    return LiveAccuracy(evidence.mean_confidence(connection, champion.version))


def _own_audits(connection: Connection, champion: Version, new: Sequence[Sample]) -> list[Sample]:
    """Return the audits of what this champion answered, not another version before it."""
    audits = {
        sample.prediction_id: sample
        for sample in new
        if sample.origin == "audit" and sample.prediction_id is not None
    }
    own = evidence.answered_by(connection, champion.version, audits)
    return [audits[prediction_id] for prediction_id in own]


def logged_images(state: State, limit: int) -> tuple[list[str], list[str]]:
    """Return SHA-256s of logged images that are no samples: to rehearse, and held out; newest first.

    Args:
        state: Where they are logged, and where they lie; those whose bytes were lost are left out.
        limit: Images that are held out, at most.
    """
    with state.database.read() as connection:
        logged = evidence.unsampled_images(connection, limit * _HELD_OUT)
    kept = state.blobs.survivors(logged)
    held_out = [sha256 for sha256 in kept if is_held_out(sha256)]
    return [sha256 for sha256 in kept if not is_held_out(sha256)], held_out[:limit]


def is_held_out(sha256: str) -> bool:
    """Return whether an image is one that a champion without a golden set is judged on."""
    return int(sha256[:12], 16) % _HELD_OUT == 0
