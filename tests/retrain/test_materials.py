from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from retrain.dataset import Cuts, Item
from retrain.gate import AGREEMENT
from retrain.materials import gather
from store.sample_rows import Sample

CLASSES = ("day", "night")


class Bench:
    """The one thing that is asked of a workbench here: the champion's own answers."""

    artifact = SimpleNamespace(class_names=CLASSES)

    def own_labels(self, images: Sequence[str]) -> list[Item]:
        return [Item(sha256, 0) for sha256 in images]


def _samples(num: int, start: int) -> tuple[Sample, ...]:
    fields: dict[str, Any] = dict.fromkeys(Sample.__slots__)
    return tuple(
        Sample(**fields | {"id": start + index, "sha256": f"sample{start + index}", "label": "night"})
        for index in range(num)
    )


def _cuts(slices: dict[str, tuple[Sample, ...]], num_replayed: int) -> Cuts:
    return Cuts(
        new_training=_samples(40, 0),
        replayed=_samples(num_replayed, 100),
        new_validation=_samples(6, 200),
        old_validation=_samples(3, 300),
        new_holdout=_samples(10, 400),
        slices=slices,
    )


LOGGED = [f"logged{index}" for index in range(100)], [f"held{index}" for index in range(50)]


def test_a_champion_with_a_golden_set_is_held_to_it_alone() -> None:
    cuts = _cuts({"golden-1": _samples(30, 500)}, num_replayed=40)
    found = gather(cuts, None, Bench(), 40)  # type: ignore[arg-type]  # as much of a workbench as is used
    assert [part.slice for part in found.old] == ["golden-1"]
    assert len(found.learnt) == 80
    assert not found.is_self_labelled


def test_a_starter_is_still_held_to_its_own_answers_after_its_first_round() -> None:
    cuts = _cuts({"round-1": _samples(31, 500)}, num_replayed=32)
    found = gather(cuts, LOGGED, Bench(), 40)  # type: ignore[arg-type]  # likewise
    assert [(part.slice, len(part.items)) for part in found.old] == [("round-1", 31), (AGREEMENT, 50)]
    rehearsed = [item for item in found.learnt if item.sha256.startswith("logged")]
    assert (len(found.learnt), len(rehearsed)) == (80, 20)
    chosen_on = {item.sha256 for item in found.chosen_on}
    assert chosen_on.isdisjoint({item.sha256 for item in found.learnt})
    assert len(chosen_on) == 6 + 3 + 6
    assert found.is_self_labelled
