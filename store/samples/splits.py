"""Decides which split an image belongs to, before anybody labels it, with a secret of the store."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from store.database.facts import read_fact, write_fact

# A surplus sample is neither learnt nor judged on: there are enough of its near-duplicates.
Split = Literal["train", "validation", "holdout", "golden", "surplus"]
Origin = Literal["initial", "audit", "direct", "volunteered"]

# The splits that judge come first; surplus says nothing about what is near to it.
_BY_STRICTNESS = ("golden", "holdout", "validation", "train", "surplus")
_SECRET_FACT = "split_secret"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How images are split; fractions.

    Attributes:
        holdout_fraction: Share of distinct images that is kept for the gate.
        validation_fraction: Share of the rest that choices are made on.
        audit_fraction: Share of distinct images whose label is asked for, whatever was answered.
        near_duplicate_distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """

    holdout_fraction: float = 0.2
    validation_fraction: float = 0.15
    audit_fraction: float = 0.05
    near_duplicate_distance: int = 4


@dataclass(frozen=True, slots=True)
class Splitter:
    """Splits images by keyed hashes, so that no client can choose or foresee a split.

    Source:
        Krawczyk, Bellare, Canetti, "HMAC: Keyed-Hashing for Message Authentication", RFC 2104.
    """

    secret: bytes
    settings: SplitSettings

    def key(self, sha256: str, source: str, group: str | None) -> str:
        """Return what an image is split by: its source's group where it has one, else its content.

        Images of one group share a split, so that no group is both learnt and judged on.
        """
        return sha256 if group is None else f"{source}\0{group}"

    def split_of(self, key: str) -> Split:
        """Return the split of a key: train, validation or holdout."""
        if self._uniform(key, "holdout") < self.settings.holdout_fraction:
            return "holdout"
        return self.learning_split(key)

    def learning_split(self, key: str) -> Split:
        """Return the split of a key that is known not to be held out: train or validation."""
        is_validation = self._uniform(key, "validation") < self.settings.validation_fraction
        return "validation" if is_validation else "train"

    def is_draw(self, sha256: str) -> bool:
        """Return whether an image is one of the draws, whose label is asked for: always by its content."""
        return self._uniform(sha256, "draw") < self.settings.audit_fraction

    def rank(self, sha256: str) -> int:
        """Return an image's place in the order in which pools take images, in [0, 2**63)."""
        return self._number(sha256, "rank") >> 1

    def _uniform(self, key: str, purpose: str) -> float:
        return self._number(key, purpose) / 2**64

    def _number(self, key: str, purpose: str) -> int:
        digest = hmac.digest(self.secret, f"{purpose}\0{key}".encode(), "sha256")
        return int.from_bytes(digest[:8])


def split_secret(connection: Connection) -> bytes:
    """Return the secret of this store's splits; where there is none yet, make it: that takes a write.

    It is a row of the database, so it is in every backup; no answer and no export holds it.
    """
    stored = read_fact(connection, _SECRET_FACT)
    if stored is None:
        stored = secrets.token_hex(_SECRET_BYTES)
        write_fact(connection, _SECRET_FACT, stored)
    return bytes.fromhex(stored)


def splitter(connection: Connection, settings: SplitSettings) -> Splitter:
    """Return what splits this store's images."""
    return Splitter(split_secret(connection), settings)


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
