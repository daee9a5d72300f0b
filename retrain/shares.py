"""Limits how much of what a round learns comes from one source that nobody trusts."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from store.samples.sample import Sample


def limit_shares(
    samples: Sequence[Sample],
    is_trusted: Callable[[Sample], bool],
    max_share: float = 0.4,
    min_sources: int = 5,
    *,
    rng: np.random.Generator,
) -> list[Sample]:
    """Return the samples without the surplus of untrusted sources, in their order.

    Each source keeps as many as it can while none has more than `max_share` of what is left. Which ones of
    a source go is drawn.

    Args:
        samples: What a round would learn.
        is_trusted: Whether a sample has a trusted label; such a sample stays, whoever sent it first.
        max_share: The largest share of one source, a fraction in (0, 1).
        min_sources: With fewer sources nothing is taken away: one of two gives half at least.
        rng: Draws which ones go.
    """
    if len({sample.source for sample in samples}) < min_sources:
        return list(samples)
    untrusted = Counter(sample.source for sample in samples if not is_trusted(sample))
    limit = _limit(list(untrusted.values()), len(samples) - untrusted.total(), max_share)
    left_out: set[int] = set()
    for source in sorted(name for name, num in untrusted.items() if num > limit):
        places = [
            place
            for place, sample in enumerate(samples)
            if sample.source == source and not is_trusted(sample)
        ]
        left_out.update(rng.choice(places, len(places) - limit, replace=False).tolist())
    return [sample for place, sample in enumerate(samples) if place not in left_out]


def _limit(sizes: Sequence[int], num_trusted: int, max_share: float) -> int:
    """Return the largest number that is at most the share of all, once no size is above it."""
    limit = max(sizes, default=0)
    # From above, each step goes no further than the largest number for which it holds.
    while limit > (allowed := math.floor(max_share * (num_trusted + sum(min(n, limit) for n in sizes)))):
        limit = allowed
    return limit
