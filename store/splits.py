"""Which part of the data a new sample belongs to: decided once, by its content or its group."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "holdout", "golden"]
Origin = Literal["initial", "audit", "direct", "volunteered"]

# What is nearest to judgement comes first.
_BY_STRICTNESS = ("golden", "holdout", "validation", "train")


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How new samples are cut; fractions.

    Attributes:
        holdout_fraction: Of direct and volunteered samples, what is kept for the gate.
        audit_holdout_fraction: Of audits, likewise: they are the fairest judges.
        validation_fraction: Of the rest, what choices are made on.
        near_duplicate_distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """

    holdout_fraction: float = 0.2
    audit_holdout_fraction: float = 0.5
    validation_fraction: float = 0.15
    near_duplicate_distance: int = 4


def split_for(key: str, origin: str, settings: SplitSettings) -> Split:
    """Return the split of a sample that nothing known is near to.

    Args:
        key: The group where the client named one, else the SHA-256 of the bytes. The same key always gives
            the same split, so that a group never straddles training and judging.
        origin: How the sample came.
        settings: The fractions.
    """
    fraction = settings.audit_holdout_fraction if origin == "audit" else settings.holdout_fraction
    if _uniform(key, "holdout") < fraction:
        return "holdout"
    return "validation" if _uniform(key, "validation") < settings.validation_fraction else "train"


def strictest(splits: Iterable[str]) -> str | None:
    """Return the split that keeps the most back from learning, or None of none.

    >>> strictest(["train", "holdout", "validation"])
    'holdout'
    """
    return min(splits, key=_BY_STRICTNESS.index, default=None)


def inherited_split(known: str) -> Split:
    """Return the split of a sample that is near to a known one of the split `known`."""
    # Feedback never feeds the golden set, and what is near to it must not be trained on.
    if known in {"golden", "holdout"}:
        return "holdout"
    return "validation" if known == "validation" else "train"


def shown_split(split: str) -> Literal["train", "holdout"]:
    """Return the split as clients see it: what is learnt from, or what is judged on."""
    return "holdout" if split in {"holdout", "golden"} else "train"


def _uniform(key: str, purpose: str) -> float:
    digest = hashlib.sha256(f"{purpose}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
