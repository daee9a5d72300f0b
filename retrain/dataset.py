"""What one round learns from and is judged on, cut so that nothing judged is ever learnt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from sqlalchemy import Connection

from retrain.errors import LeakageError
from retrain.replay import class_balanced_replay
from store import samples, slices
from store.blobs import BlobStore
from store.registry import Version
from store.samples import Sample

# Every blend is asked about all of them: more would take longer than the training.
_MAX_OLD_VALIDATION = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """An image in the blob store with the index of its class."""

    sha256: str
    label: int


class StoredImages:
    """Items as encoded images with their class, read from the blob store when they are asked for."""

    def __init__(self, items: Sequence[Item], blobs: BlobStore) -> None:
        self._items = items
        self._blobs = blobs

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        item = self._items[index]
        return self._blobs.get(item.sha256), item.label


@dataclass(frozen=True, slots=True)
class Cuts:
    """The samples of one round by what they are for.

    Attributes:
        new_training: Pending samples to learn; with `replayed`, old ones beside them.
        new_validation: Pending samples to choose on; with `old_validation`, those production chose on.
        new_holdout: Pending samples that only the gate sees.
        slices: The old holdouts by name: the golden set and the holdouts of promoted rounds.
    """

    new_training: tuple[Sample, ...]
    replayed: tuple[Sample, ...]
    new_validation: tuple[Sample, ...]
    old_validation: tuple[Sample, ...]
    new_holdout: tuple[Sample, ...]
    slices: Mapping[str, tuple[Sample, ...]]

    def taken(self) -> list[tuple[int, str, int | None]]:
        """Return (sample id, role, label revision) of all that the round learns, chooses on or judges.

        Old validation samples count as replayed: an earlier version has them as its validation.
        """
        roles: dict[str, Iterable[Sample]] = {
            "train": self.new_training,
            "validation": self.new_validation,
            "holdout": self.new_holdout,
            "replay": chain(self.replayed, self.old_validation),
        }
        return [(sample.id, role, sample.label_revision) for role, part in roles.items() for sample in part]


def collect(connection: Connection, champion: Version, replay_ratio: float, rng: np.random.Generator) -> Cuts:
    """Cut the pending samples by their splits and set old samples of production beside them.

    Args:
        champion: The version in production.
        replay_ratio: Replayed old samples per new one to learn; 0 replays nothing.

    Raises:
        LeakageError: An image would be both learnt and judged.
    """
    new = samples.pending(connection)
    holdout = tuple(sample for sample in new if sample.split == "holdout")
    old_holdouts = {
        name: tuple(slices.slice_samples(connection, name))
        for name in slices.slice_names(connection, champion.lineage, champion.version)
    }
    judged_groups = {sample.group for sample in chain(holdout, *old_holdouts.values())} - {None}

    def learnable(part: Iterable[Sample], split: str) -> list[Sample]:
        # A near-duplicate inherits its split, so that its group may stand on both sides.
        return [s for s in part if s.split == split and s.group not in judged_groups]

    training = learnable(new, "train")
    old = learnable(samples.replayable(connection, champion.class_names), "train")
    chosen_on = learnable(samples.replayable(connection, champion.class_names, "validation"), "validation")
    num_replayed = round(replay_ratio * len(training))
    cuts = Cuts(
        new_training=tuple(training),
        replayed=tuple(class_balanced_replay(old, num_replayed, rng)) if num_replayed else (),
        new_validation=tuple(learnable(new, "validation")),
        old_validation=tuple(_at_most(chosen_on, _MAX_OLD_VALIDATION, rng)),
        new_holdout=holdout,
        slices=old_holdouts,
    )
    refuse_leakage(cuts)
    return cuts


def _at_most(part: list[Sample], num: int, rng: np.random.Generator) -> list[Sample]:
    return part if len(part) <= num else class_balanced_replay(part, num, rng)


def refuse_leakage(cuts: Cuts) -> None:
    """Refuse cuts in which a judged image is learnt or chosen on.

    Near-duplicates need no look here: they inherited their split when they arrived.

    Raises:
        LeakageError: Names the samples.
    """
    learnt = chain(cuts.new_training, cuts.replayed, cuts.new_validation, cuts.old_validation)
    images = {sample.sha256 for sample in learnt}
    judged = chain(cuts.new_holdout, *cuts.slices.values())
    leaks = sorted({sample.id for sample in judged if sample.sha256 in images})
    if leaks:
        raise LeakageError(
            f"Samples {leaks[:10]} would be learnt and judged by the same round. A split is decided once, "
            "when a sample arrives: look for rows whose split was changed since."
        )


def items_of(part: Iterable[Sample], class_names: Sequence[str]) -> list[Item]:
    """Return the images of `part` with their labels as indices into `class_names`."""
    index = {name: number for number, name in enumerate(class_names)}
    return [Item(sample.sha256, index[sample.label]) for sample in part if sample.label in index]
