from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from retrain.dataset import Item, RoundSamples
from retrain.evidence.old_images import OldImages, Part
from retrain.gate.outcomes import AGREEMENT
from retrain.round_items import gather_items
from store.samples.sample import Sample

CLASSES = ("day", "night")


class OwnAnswers:
    """As much of the round's models as these tests use: the champion's own answers."""

    artifact = SimpleNamespace(class_names=CLASSES)

    def self_labelled(self, images: Sequence[str]) -> list[Item]:
        return [Item(sha256, 0) for sha256 in images]


def _samples(num: int, start: int) -> tuple[Sample, ...]:
    fields: dict[str, Any] = dict.fromkeys(Sample.__slots__)
    return tuple(
        Sample(**fields | {"id": start + index, "sha256": f"sample{start + index}", "label": "night"})
        for index in range(num)
    )


def _round_samples(num_replayed: int) -> RoundSamples:
    return RoundSamples(
        new_training=_samples(40, 0),
        replayed=_samples(num_replayed, 100),
        new_validation=_samples(6, 200),
        old_validation=_samples(3, 300),
        new_holdout=_samples(10, 400),
        slices={},
        num_to_replay=40,
    )


LOGGED = [f"logged{index}" for index in range(100)], [f"held{index}" for index in range(50)]


def test_a_champion_with_a_golden_set_is_judged_on_it_alone() -> None:
    old = OldImages(golden=(Part("golden-1", (Item("a", 0),)),))
    items = gather_items(_round_samples(40), old, None, OwnAnswers())  # type: ignore[arg-type]  # as much of the models as is used
    assert items.old == old
    assert len(items.training) == 80
    assert not items.is_self_labelled


def test_a_starter_is_still_judged_on_its_own_answers_after_its_first_round() -> None:
    old = OldImages(slices=(Part("round-1", (Item("a", 0),)),))
    items = gather_items(_round_samples(32), old, LOGGED, OwnAnswers())  # type: ignore[arg-type]  # likewise
    assert items.old.slices == old.slices
    assert items.old.agreement is not None
    assert (items.old.agreement.slice, len(items.old.agreement)) == (AGREEMENT, 50)
    rehearsed = [item for item in items.training if item.sha256.startswith("logged")]
    assert (len(items.training), len(rehearsed)) == (80, 20)
    validation = {item.sha256 for item in items.validation}
    assert validation.isdisjoint({item.sha256 for item in items.training})
    assert len(validation) == 6 + 3 + 6
    assert items.is_self_labelled
