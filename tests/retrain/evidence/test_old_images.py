import random
from dataclasses import replace
from itertools import count

import pytest

from retrain.evidence.old_images import OldImages, old_images
from store.samples.sample import Sample
from tests.store.sample_work import GOLDEN

CLASSES = ("ants", "bees")
_IDS = count(1)
_RNG = random.Random(0)
NOT_IN_RESERVE = 2**63 - 1


def sample(label: str = "ants", **changes: object) -> Sample:
    number = next(_IDS)
    return replace(
        GOLDEN,
        id=number,
        sha256=f"{number:064x}",
        # Random bits: no two are near.
        phash=_RNG.getrandbits(64) - 2**63,
        label=label,
        **changes,  # type: ignore[arg-type]  # fields of Sample
    )


def sha256s(images: OldImages) -> dict[str, list[str]]:
    return {part.slice: [item.sha256 for item in part.items] for part in images.judging}


def test_each_cluster_has_one_vote_and_a_golden_image_gives_it() -> None:
    golden, other = sample(), sample("bees")
    near, burst = replace(sample(), phash=golden.phash ^ 1), [sample(group="burst") for _ in range(5)]
    images = old_images(
        {"round-1": [near, *burst[:3]], "golden-1": [golden, other], "round-2": burst[3:]},
        CLASSES,
        lambda sha256: NOT_IN_RESERVE,
    )
    assert sha256s(images) == {
        "golden-1": [golden.sha256, other.sha256],
        "round-1": [burst[0].sha256],
        "round-2": [],
    }
    assert [part.slice for part in images.golden] == ["golden-1"]
    assert not len(images.reserve)


def test_a_fifth_of_a_large_golden_set_is_a_reserve_by_rank() -> None:
    members = [sample(CLASSES[number % 2]) for number in range(2000)]
    rank = {each.sha256: number * 2**63 // 2000 for number, each in enumerate(members)}
    images = old_images({"golden-1": members}, CLASSES, rank.__getitem__)
    assert [item.sha256 for item in images.reserve.items] == [each.sha256 for each in members[:400]]
    assert len(images.golden[0]) == 1600
    assert len(images.items) == 2000


@pytest.mark.parametrize(("num_ants", "num_bees"), [(1969, 30), (1971, 29)])
def test_a_golden_set_that_is_small_or_lacks_a_class_has_no_reserve(num_ants: int, num_bees: int) -> None:
    members = [sample("ants") for _ in range(num_ants)] + [sample("bees") for _ in range(num_bees)]
    images = old_images({"golden-1": members}, CLASSES, lambda sha256: 0)
    assert (len(images.reserve), len(images.golden[0])) == (0, num_ants + num_bees)


def test_labels_that_are_no_class_of_the_champion_are_left_out() -> None:
    images = old_images(
        {"golden-1": [sample("cats"), sample("bees")]}, CLASSES, lambda sha256: NOT_IN_RESERVE
    )
    assert [item.label for item in images.golden[0].items] == [1]
