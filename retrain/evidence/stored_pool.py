"""The evidence of a stored pool, with the labels that there are now; it needs no network."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrain.gate.outcomes import NEITHER, NO_ANSWER, UNLABELLED, NewEvidence
from store.evidence.pools import LabelOf, PoolImage


def evidence_of_pool(
    pool: Sequence[PoolImage],
    labels: Mapping[str, LabelOf],
    class_names: Sequence[str],
    learnt_from: Iterable[str] = (),
) -> NewEvidence:
    """Return the evidence of a stored pool with the labels that there are now.

    Args:
        pool: The images that judge.
        labels: What people said, by SHA-256.
        class_names: Production's.
        learnt_from: The main sources of what the candidate learnt.
    """
    index = {name: number for number, name in enumerate(class_names)}

    def indices(names: Sequence[str | None]) -> NDArray[np.int64]:
        return np.array([NO_ANSWER if name is None else index[name] for name in names], dtype=np.int64)

    said = [labels.get(image.sha256) for image in pool]
    return NewEvidence(
        indices([image.champion_label for image in pool]),
        indices([image.candidate_label for image in pool]),
        np.array([label_index(each, class_names) for each in said], dtype=np.int64),
        tuple(None if each is None else each.source for each in said),
        learnt_from=frozenset(learnt_from),
        trusted=trusted_sources(labels.values()),
    )


def trusted_sources(labels: Iterable[LabelOf]) -> frozenset[str]:
    """Return the sources of the trusted ones among labels."""
    return frozenset(said.source for said in labels if said.is_trusted and said.source is not None)


def label_index(said: LabelOf | None, class_names: Sequence[str]) -> int:
    """Return the class that people gave an image, `NEITHER` or `UNLABELLED`."""
    if said is None:
        return UNLABELLED
    if said.is_none:
        return NEITHER
    return class_names.index(said.label) if said.label in class_names else UNLABELLED
