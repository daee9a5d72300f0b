"""Steps that tests of unknown labels share, each in one call."""

import hashlib
from collections.abc import Sequence

import numpy as np

from store.database.database import Database
from store.samples.new_samples import NewSample
from store.samples.sample import Sample
from store.samples.samples import add_sample, samples_by_id
from store.samples.splits import SplitSettings
from store.versions import production_classes


def send(
    database: Database,
    label: str,
    num: int,
    *,
    sources: Sequence[str] = ("ann", "ben"),
    start: int = 0,
    predicted: str | None = None,
    split: str | None = None,
) -> list[int]:
    """Send feedback on `num` pictures that are like no other, by sources in turn; return the samples' ids."""
    ids = []
    for number in range(start, start + num):
        new = NewSample(
            sha256=hashlib.sha256(f"{label}-{number}".encode()).hexdigest(),
            # Half of the bits of a hash are set, as in a photograph's.
            phash=_hash(number),
            origin="direct",
            source=sources[number % len(sources)],
            label=label,
            is_trusted=False,
            predicted_label=predicted,
            split=split,
        )
        outcome = database.write(
            lambda c, new=new: add_sample(c, new, production_classes(c) or [], SplitSettings())  # type: ignore[misc]  # mypy doesn't infer a lambda's default
        )
        ids.append(outcome.sample_id)
    return ids


def _hash(number: int) -> int:
    bits = np.random.default_rng(number).permutation(64)[:32]
    return int(sum(1 << int(bit) for bit in bits)) - 2**63


def read(database: Database, ids: Sequence[int]) -> list[Sample]:
    with database.read() as connection:
        return samples_by_id(connection, ids)
