"""Which new samples are fair evidence as they come, and when each was asked about; it needs no network."""

from datetime import UTC, datetime

from store.predictions.prediction_ids import milliseconds_of
from store.samples.sample import Sample

# As many as a round at 500 samples has, whose fifth is 100 give or take 9.
MIN_DIRECT = 75


def is_trusted_direct(sample: Sample) -> bool:
    """Return whether a trusted key sent the image with its label."""
    return sample.origin == "direct" and sample.is_trusted


def is_direct_round(num_direct: int, num_new: int, num_held_out: int, min_direct: int = MIN_DIRECT) -> bool:
    """Return whether images that came with their label are what a round is judged on.

    They are where at least half of the new samples came so from trusted keys: who sends them says what the
    classifier is for.

    Args:
        num_direct: New samples that trusted keys sent with their image.
        num_new: All new samples.
        num_held_out: Of `num_direct`, those that are held out.
        min_direct: How many of these it takes.
    """
    return 2 * num_direct >= num_new and num_held_out >= min_direct


def asked_at(sample: Sample) -> datetime:
    """Return when the prediction of a sample was asked for; when it arrived where there was none."""
    return asked_first(sample.created, sample.prediction_id)


def asked_first(created: datetime, prediction_id: str | None) -> datetime:
    """Return the earlier of a sample's arrival and of its prediction, whose id carries its time."""
    milliseconds = None if prediction_id is None else milliseconds_of(prediction_id)
    if milliseconds is None:
        return created
    return min(created, datetime.fromtimestamp(milliseconds / 1000, UTC))
