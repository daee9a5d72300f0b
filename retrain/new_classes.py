"""Grows the champion by the accepted classes of a round, from which its candidates start."""

from collections.abc import Sequence

from retrain.dataset import Item, RoundSamples, items_of
from retrain.models import RoundModels
from vision.grown_head import grown, new_rows

# The mean of so many embeddings is known well enough.
_MAX_OTHERS = 500


def grow(models: RoundModels, samples: RoundSamples) -> None:
    """Have a round start from the champion with rows for its new classes; without any nothing changes.

    New classes stand after the old ones, so that the index of an old class is the same in all versions of a
    lineage that rounds made.

    Args:
        models: Those of the round.
        samples: Those of the round, some of each new class among those to learn.
    """
    if not samples.new_classes:
        return
    artifact = models.artifact
    names = (*artifact.class_names, *samples.new_classes)
    items = items_of(samples.new_training, names)
    others = [
        item for item in items_of(samples.replayed, names) or items if not _is_new(item, artifact.class_names)
    ]
    of_classes = [
        models.images([item for item in items if item.label == names.index(name)])
        for name in samples.new_classes
    ]
    members = new_rows(models.student(), of_classes, models.images(others[:_MAX_OTHERS]))
    rows = [dict(zip(samples.new_classes, own, strict=True)) for own in members]
    models.start_from(grown(artifact, names, rows))


def _is_new(item: Item, known: Sequence[str]) -> bool:
    return item.label >= len(known)
