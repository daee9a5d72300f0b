"""Outcomes and evidence with given counts."""

import numpy as np

from retrain.gate.outcomes import NEITHER, UNLABELLED, NewEvidence, Outcomes


def outcomes(
    *, both: int = 0, lost: int = 0, won: int = 0, neither: int = 0, slice: str = "golden", label: int = 0
) -> Outcomes:
    """Return outcomes of one class with these counts."""
    counts = [both, lost, won, neither]
    champion = np.repeat([True, True, False, False], counts)
    candidate = np.repeat([True, False, True, False], counts)
    return Outcomes(champion, candidate, np.full(len(champion), label), slice)


def new_evidence(
    *, won: int = 0, lost: int = 0, still_open: int = 0, neither: int = 0, same: int = 0, source: str = "ann"
) -> NewEvidence:
    """Return the evidence of images on which the two differ, and of `same` ones on which they agree.

    Production answers 0 and the candidate 1 where they differ; all labels come from one source.
    """
    labels = np.repeat([1, 0, UNLABELLED, NEITHER, UNLABELLED], [won, lost, still_open, neither, same])
    candidate = np.where(np.arange(len(labels)) < len(labels) - same, 1, 0)
    sources = tuple(None if label == UNLABELLED else source for label in labels)
    return NewEvidence(np.zeros(len(labels), np.int64), candidate, labels, sources)


def together(*parts: NewEvidence) -> NewEvidence:
    """Return several pieces of evidence as one."""
    return NewEvidence(
        np.concatenate([part.champion for part in parts]),
        np.concatenate([part.candidate for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(source for part in parts for source in part.sources),
    )
