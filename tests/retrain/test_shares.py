from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from retrain.shares import limit_shares
from store.samples.sample import Sample


def samples_of(sizes: Mapping[str, int], trusted: str = "") -> list[Sample]:
    """Return as many samples of each source as it says, a few of each source in turn."""
    made: list[Sample] = []
    for number in range(max(sizes.values())):
        for source, size in sizes.items():
            if number < size:
                made.append(
                    Sample(
                        id=len(made) + 1,
                        sha256=f"{len(made)}",
                        phash=0,
                        origin="volunteered",
                        split="train",
                        state="accepted",
                        label="ants",
                        label_revision=1,
                        is_trusted=source == trusted,
                        source=source,
                        group=None,
                        prediction_id=None,
                        predicted_label=None,
                        created=datetime(2026, 1, 1, tzinfo=UTC),
                    )
                )
    return made


def limited(samples: list[Sample], seed: int = 0) -> list[Sample]:
    return limit_shares(samples, lambda sample: sample.is_trusted, rng=np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        # 20 others: 13 of 33 are 39 %, 14 of 34 would be 41.
        ({"a": 100, "b": 5, "c": 5, "d": 5, "e": 5}, {"a": 13, "b": 5, "c": 5, "d": 5, "e": 5}),
        # Exactly 40 % may stay.
        ({"a": 40, "b": 15, "c": 15, "d": 15, "e": 15}, {"a": 40, "b": 15, "c": 15, "d": 15, "e": 15}),
        # Two at 40 % leave a fifth to the others.
        ({"a": 90, "b": 80, "c": 2, "d": 2, "e": 1}, {"a": 10, "b": 10, "c": 2, "d": 2, "e": 1}),
        # 8 of 21 are 38 %, 9 of 22 would be 41.
        ({"a": 90, "b": 8, "c": 2, "d": 2, "e": 1}, {"a": 8, "b": 8, "c": 2, "d": 2, "e": 1}),
    ],
)
def test_no_source_keeps_more_than_its_share(sizes: dict[str, int], kept: dict[str, int]) -> None:
    left = Counter(sample.source for sample in limited(samples_of(sizes)))
    assert left == kept
    assert max(left.values()) <= 0.4 * left.total()


def test_fewer_than_five_sources_keep_everything() -> None:
    samples = samples_of({"a": 100, "b": 1, "c": 1, "d": 1})
    assert limited(samples) == samples


def test_a_trusted_source_keeps_everything_and_counts_beside_the_others() -> None:
    sizes = {"eve": 100, "b": 90, "c": 1, "d": 1, "e": 1}
    left = Counter(sample.source for sample in limited(samples_of(sizes, trusted="eve")))
    # 68 of 171 are 39.8 %; 69 of 172 would be 40.1.
    assert left == sizes | {"b": 68}


def test_what_stays_is_drawn_and_keeps_its_order() -> None:
    samples = samples_of({"a": 100, "b": 5, "c": 5, "d": 5, "e": 5})
    first, again, other = limited(samples), limited(samples), limited(samples, seed=1)
    assert first == again
    assert [sample.id for sample in first] != [sample.id for sample in other]
    assert [sample.id for sample in first] == sorted(sample.id for sample in first)


def test_there_is_nothing_to_limit_in_nothing() -> None:
    assert limited([]) == []
