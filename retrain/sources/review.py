"""Reviews the labels that a round is about to learn: names sources, and leaves their doubtful labels out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retrain.dataset import RoundSamples, items_of
from retrain.models import RoundModels
from retrain.sources.doubt import Doubts, doubted_by_both
from retrain.sources.naming import SourceDoubt, name_sources
from retrain.sources.sentences import round_sentence, sentence_of
from store.database.database import Database
from store.samples.clusters import clusters_of
from store.samples.sample import Sample
from store.sources import label_sources
from vision.evaluation import evaluate
from vision.training.cross_validation import Embedded

#: Of each source the most doubtful samples are noted, to be shown.
_NUM_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Review:
    """What a round found of the sources of its labels.

    Attributes:
        doubts: One of each source, by name.
        doubtful: Ids of samples with doubtful labels, by their source, the most doubtful first.
        left_out: Ids of samples that the round must not learn: doubtful ones of named sources.
    """

    doubts: tuple[SourceDoubt, ...]
    doubtful: dict[str, list[int]]
    left_out: frozenset[int]

    @property
    def sentence(self) -> str:
        """Return what to tell; nothing where nobody is named."""
        return round_sentence(self.doubts, len(self.left_out))

    def to_json(self) -> dict[str, Any]:
        """Return what the round's log keeps."""
        sources = [
            {
                **asdict(doubt),
                "sentence": sentence_of(doubt),
                "doubtful": self.doubtful.get(doubt.source, [])[:_NUM_SHOWN],
            }
            for doubt in self.doubts
        ]
        return {"sentence": self.sentence, "num_left_out": len(self.left_out), "sources": sources}

    def learnable(self, samples: RoundSamples) -> RoundSamples:
        """Return the samples without those that are left out; holdouts stay as they are."""
        training, validation = (
            tuple(sample for sample in part if sample.id not in self.left_out)
            for part in (samples.new_training, samples.new_validation)
        )
        return replace(samples, new_training=training, new_validation=validation)


def review_labels(samples: RoundSamples, models: RoundModels, database: Database) -> Review | None:
    """Review the new labels of a round, for training and validation; None where one source gave all.

    Holdouts are never reviewed: who judges may not depend on what a model finds likely.

    Args:
        samples: Of the round.
        models: The champion embeds the images.
        database: Knows the sources.
    """
    names = models.artifact.class_names
    new = [each for each in (*samples.new_training, *samples.new_validation) if each.label in names]
    sources = _sources(new, database)
    if len(set(sources)) < 2:
        return None
    embedded, confidences = _embedded(new, models)
    replayed = [each for each in samples.replayed if each.label in names]
    known = _embedded(replayed, models)[0] if replayed else (embedded[0][:0], embedded[1][:0])
    doubts = doubted_by_both(embedded, sources, clusters_of(new), known, len(names))
    return _review(new, sources, embedded[1].numpy(), confidences, doubts)


def _review(
    new: Sequence[Sample],
    sources: Sequence[str],
    labels: NDArray[np.int64],
    confidences: NDArray[np.float64],
    doubts: Doubts,
) -> Review:
    found = name_sources(sources, labels, confidences, doubts.is_doubtful)
    doubtful: dict[str, list[int]] = {}
    for place in np.argsort(doubts.belief, kind="stable"):
        if doubts.is_doubtful[place]:
            doubtful.setdefault(sources[place], []).append(new[place].id)
    named = {doubt.source for doubt in found if doubt.is_named}
    left_out = frozenset(sample_id for name in named for sample_id in doubtful.get(name, []))
    return Review(tuple(found), doubtful, left_out)


def _sources(samples: Sequence[Sample], database: Database) -> list[str]:
    """Return whose label is in force; who sent the image first may be another."""
    revisions = [sample.label_revision for sample in samples if sample.label_revision is not None]
    with database.read() as connection:
        known = label_sources(connection, revisions)
    return [known.get(sample.label_revision or 0, sample.source) for sample in samples]


def _embedded(samples: Sequence[Sample], models: RoundModels) -> tuple[Embedded, NDArray[np.float64]]:
    """Return the champion's embeddings with the labels, and its confidence in its own answers."""
    items = items_of(samples, models.artifact.class_names)
    labels = torch.tensor([item.label for item in items], dtype=torch.long)
    logits, embeddings = evaluate(models.champion.engine, models.images(items))
    confidences = (logits / models.artifact.temperature).softmax(dim=1).max(dim=1).values
    return (embeddings, labels), confidences.double().numpy()
