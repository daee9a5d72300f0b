"""Leaves out samples whose image is lost: a round goes on without them, and names them."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from retrain.dataset import RoundSamples
from store.blobs.blob_store import BlobStore
from store.samples.sample import Sample


def without_lost_images(samples: RoundSamples, blobs: BlobStore) -> tuple[RoundSamples, list[int]]:
    """Return the samples of a round whose image is there, and the ids of the others.

    Bytes get lost where somebody cleans a bucket, or restores a backup without them.

    Args:
        samples: Those of the round.
        blobs: Where the images lie.
    """
    everything = chain(
        samples.new_training,
        samples.replayed,
        samples.memory,
        samples.new_validation,
        samples.old_validation,
        samples.new_holdout,
        samples.class_holdout,
        *samples.slices.values(),
    )
    lost = {sample.id for sample in everything if not blobs.exists(sample.sha256)}

    def kept(part: Iterable[Sample]) -> tuple[Sample, ...]:
        return tuple(sample for sample in part if sample.id not in lost)

    new_training = kept(samples.new_training)
    learnt = {sample.label for sample in new_training}
    new_classes = tuple(name for name in samples.new_classes if name in learnt)
    left = replace(
        samples,
        new_training=new_training,
        replayed=kept(samples.replayed),
        memory=kept(samples.memory),
        new_validation=kept(samples.new_validation),
        old_validation=kept(samples.old_validation),
        new_holdout=kept(samples.new_holdout),
        new_classes=new_classes,
        class_holdout=tuple(s for s in kept(samples.class_holdout) if s.label in new_classes),
        slices={name: kept(part) for name, part in samples.slices.items()},
    )
    return left, sorted(lost)
