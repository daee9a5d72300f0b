"""Decides which split a new sample belongs to, by its content or its group."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "holdout", "golden"]
Origin = Literal["initial", "audit", "direct", "volunteered"]

# The splits that judge come first.
_BY_STRICTNESS = ("golden", "holdout", "validation", "train")


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How new samples are split; fractions.

    Attributes:
        holdout_fraction: Share of direct and volunteered samples that is kept for the gate.
        audit_holdout_fraction: The same share of audits, which are the fairest judges.
        validation_fraction: Share of the rest that choices are made on.
        near_duplicate_distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """

    holdout_fraction: float = 0.2
    audit_holdout_fraction: float = 0.5
    validation_fraction: float = 0.15
    near_duplicate_distance: int = 4


def split_for(key: str, origin: str, settings: SplitSettings) -> Split:
    """Return the split of a sample that is near to no known one.

    Args:
        key: The group where the client named one, else the SHA-256 of the bytes. The same key always gives
            the same split, so that no group is both trained and judged on.
        origin: How the sample came.
        settings: The fractions.
    """
    fraction = settings.audit_holdout_fraction if origin == "audit" else settings.holdout_fraction
    if _uniform(key, "holdout") < fraction:
        return "holdout"
    return "validation" if _uniform(key, "validation") < settings.validation_fraction else "train"


def strictest(splits: Iterable[str]) -> str | None:
    """Return the split that keeps a sample furthest from learning, or None if there is no split.

    >>> strictest(["train", "holdout", "validation"])
    'holdout'
    """
    return min(splits, key=_BY_STRICTNESS.index, default=None)


def inherited_split(known: str) -> Split:
    """Return the split of a sample that is near to a known one of the split `known`."""
    # Feedback never joins the golden set, and a sample near to it must not be trained on.
    if known in {"golden", "holdout"}:
        return "holdout"
    return "validation" if known == "validation" else "train"


def shown_split(split: str) -> Literal["train", "holdout"]:
    """Return the split as clients see it: learnt from ("train"), or judged on ("holdout")."""
    return "holdout" if split in {"holdout", "golden"} else "train"


def _uniform(key: str, purpose: str) -> float:
    digest = hashlib.sha256(f"{purpose}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
