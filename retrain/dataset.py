"""The samples of one round by what they are for; none that it is judged on is ever learnt."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from sqlalchemy import Connection

from retrain.errors import LeakageError
from retrain.replay import replay
from retrain.shares import limit_shares
from store import slices
from store.blobs.blob_store import BlobStore
from store.classes.learning import samples_to_learn
from store.rounds.log import CLASS_HOLDOUT
from store.samples.pending import judged_groups, pending_samples, replayable
from store.samples.sample import Sample
from store.version_history import first_rounds
from store.versions import Version

# Each epoch and each blend answers all of them: with 2,000 that took three times as long as the training.
_MAX_OLD_VALIDATION = 400
# Of a thousand classes each has two, and the training stays minutes.
_MAX_BALANCED_REPLAY = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """An image in the blob store with the index of its class."""

    sha256: str
    label: int


class StoredImages:
    """Items as encoded images with their class, each read from the blob store when it is used."""

    def __init__(self, items: Sequence[Item], blobs: BlobStore) -> None:
        self._items = items
        self._blobs = blobs

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        item = self._items[index]
        return self._blobs.get(item.sha256), item.label


@dataclass(frozen=True, slots=True)
class RoundSamples:
    """The samples of one round by what they are for.

    Attributes:
        new_training: Pending samples to learn, the surplus of large sources left out; with `replayed`, old
            ones beside them.
        new_validation: Pending samples to choose on; with `old_validation`, those production chose on.
        new_holdout: Pending samples that only the gate sees.
        slices: The old holdouts by name: the golden set and the holdouts of promoted rounds.
        num_to_replay: Old samples wanted for learning; `replayed` has fewer where there aren't so many.
        memory: More old samples, to solve a head on; `replayed` ones may be among them.
        new_classes: Accepted classes that production does not know, with samples among those to learn.
        class_holdout: Samples of these that only the gate sees, apart from `new_holdout`.
    """

    new_training: tuple[Sample, ...]
    replayed: tuple[Sample, ...]
    new_validation: tuple[Sample, ...]
    old_validation: tuple[Sample, ...]
    new_holdout: tuple[Sample, ...]
    slices: Mapping[str, tuple[Sample, ...]]
    num_to_replay: int
    memory: tuple[Sample, ...] = ()
    new_classes: tuple[str, ...] = ()
    class_holdout: tuple[Sample, ...] = ()

    def roles(self) -> list[tuple[int, str, int | None]]:
        """Return (sample id, role, label revision) of what a candidate learns from, or is chosen on.

        Old validation samples count as replayed, since they are the validation of an earlier version.
        """
        by_role: dict[str, Iterable[Sample]] = {
            "train": self.new_training,
            "validation": self.new_validation,
            "replay": _once(chain(self.replayed, self.old_validation, self.memory)),
        }
        return [(sample.id, role, sample.label_revision) for role, part in by_role.items() for sample in part]

    def holdout_roles(self) -> list[tuple[int, str, int | None]]:
        """Return the same of the held-out samples."""
        return [
            *((sample.id, "holdout", sample.label_revision) for sample in self.new_holdout),
            *((sample.id, CLASS_HOLDOUT, sample.label_revision) for sample in self.class_holdout),
        ]


def collect(
    connection: Connection,
    champion: Version,
    replay_ratio: float,
    rng: np.random.Generator,
    *,
    num_memory: int = 0,
) -> RoundSamples:
    """Return the pending samples by their splits, with old samples of production beside them.

    A group of which any sample is judged on is judged on as a whole.

    Args:
        champion: The version in production.
        replay_ratio: Replayed old samples per new one to learn; 0 replays nothing.
        rng: Draws old samples, and what is left out of large sources.
        num_memory: Old samples to solve a head on, at most.

    Raises:
        LeakageError: An image would be both learnt and judged.
    """
    new, judged = pending_samples(connection), judged_groups(connection)
    of_classes = [sample for own in samples_to_learn(connection).values() for sample in own]
    old_holdouts = {
        name: tuple(slices.slice_samples(connection, name))
        for name in slices.slice_names(connection, champion.lineage, champion.version)
    }

    def learnable(part: Iterable[Sample], split: str) -> list[Sample]:
        return [sample for sample in part if sample.split == split and sample.group not in judged]

    training = limit_shares(
        learnable([*new, *of_classes], "train"), lambda sample: sample.is_trusted, rng=rng
    )
    new_classes = sorted({str(sample.label) for sample in training} - set(champion.class_names))
    of_classes = [sample for sample in of_classes if sample.label in new_classes]
    old = learnable(replayable(connection, champion.class_names), "train")
    validation = learnable(replayable(connection, champion.class_names, "validation"), "validation")
    round_of = first_rounds(connection)
    num_to_replay = _num_to_replay(replay_ratio, training, champion.class_names)
    samples = RoundSamples(
        new_training=tuple(training),
        replayed=tuple(replay(old, num_to_replay, round_of, rng)) if num_to_replay else (),
        new_validation=tuple(learnable([*new, *of_classes], "validation")),
        old_validation=tuple(_at_most(validation, _MAX_OLD_VALIDATION, round_of, rng)),
        new_holdout=tuple(sample for sample in new if sample.split == "holdout" or sample.group in judged),
        slices=old_holdouts,
        num_to_replay=num_to_replay,
        memory=tuple(replay(old, num_memory, round_of, rng)) if num_to_replay else (),
        new_classes=tuple(new_classes),
        class_holdout=tuple(
            sample for sample in of_classes if sample.split == "holdout" or sample.group in judged
        ),
    )
    refuse_leakage(samples)
    return samples


def _num_to_replay(ratio: float, training: Sequence[Sample], class_names: Sequence[str]) -> int:
    """Return how many old samples to learn beside new ones.

    Beside a new class each old one has as many samples as that, or the new class would win by its number.
    """
    of_new = Counter(sample.label for sample in training if sample.label not in class_names)
    largest = max(of_new.values(), default=0)
    balanced = min(largest * len(class_names), _MAX_BALANCED_REPLAY)
    return round(ratio * max(len(training), balanced))


def _at_most(
    part: list[Sample], num: int, round_of: Mapping[int, int], rng: np.random.Generator
) -> list[Sample]:
    return part if len(part) <= num else replay(part, num, round_of, rng)


def _once(part: Iterable[Sample]) -> Iterable[Sample]:
    return {sample.id: sample for sample in part}.values()


def refuse_leakage(samples: RoundSamples) -> None:
    """Refuse samples in which an image of a holdout is among training or validation.

    Near-duplicates aren't compared: they inherited their split when they arrived.

    Raises:
        LeakageError: Names the samples.
    """
    learnable = chain(
        samples.new_training,
        samples.replayed,
        samples.memory,
        samples.new_validation,
        samples.old_validation,
    )
    images = {sample.sha256 for sample in learnable}
    holdouts = chain(samples.new_holdout, samples.class_holdout, *samples.slices.values())
    leaks = sorted({sample.id for sample in holdouts if sample.sha256 in images})
    if leaks:
        raise LeakageError(
            f"Samples {leaks[:10]} would be learnt and judged by the same round. A split is decided once, "
            "when a sample arrives: look for rows whose split was changed since."
        )


def items_of(part: Iterable[Sample], class_names: Sequence[str]) -> list[Item]:
    """Return the images of `part` with their labels as indices into `class_names`."""
    index = {name: number for number, name in enumerate(class_names)}
    return [Item(sample.sha256, index[sample.label]) for sample in part if sample.label in index]
