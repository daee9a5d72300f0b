"""Compares two versions on the labelled images that both answered."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from monitoring.accuracy import paired_loss_interval
from monitoring.answers.accuracy import ClassComparison, Comparison, Confusion, Flip, SliceComparison
from store.evidence.answers import PairedAnswers, count_pairs, differences
from store.slices import slice_names
from store.versions import Version, find_version

MAX_CONFUSIONS = 10
MAX_MATRIX_CLASSES = 12
MAX_FLIPS = 24
# Of the images of a slice that both answered differently, those that are looked at for flips.
_MAX_DIFFERENCES = 1000


@dataclass
class Counts:
    """How many images both, one or none of two versions answered rightly."""

    num_both: int = 0
    num_won: int = 0
    num_lost: int = 0
    num_neither: int = 0

    def add(self, *, is_right: bool, was_right: bool, num: int) -> None:
        """Count images that the version answers so, and the other one so."""
        self.num_both += num * (is_right and was_right)
        self.num_won += num * (is_right and not was_right)
        self.num_lost += num * (was_right and not is_right)
        self.num_neither += num * (not is_right and not was_right)

    @property
    def num_images(self) -> int:
        """All of them."""
        return self.num_both + self.num_won + self.num_lost + self.num_neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """The version's accuracy and the other's, fractions."""
        return (
            (self.num_both + self.num_won) / self.num_images,
            (self.num_both + self.num_lost) / self.num_images,
        )


@dataclass
class _Tally:
    classes: dict[str, Counts] = field(default_factory=dict)
    # (label, answered) → images.
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)

    def confusions(self, *, with_right: bool = False) -> list[Confusion]:
        """Return what was answered for what, the most frequent first."""
        return [
            Confusion(label=label, answered=answered, num_images=num)
            for (label, answered), num in self.answered.most_common()
            if with_right or label != answered
        ]

    @property
    def num_named(self) -> int:
        """Classes that an image shows or that were answered."""
        return len({name for pair in self.answered for name in pair})


def compare(connection: Connection, version: str, other: str, part: str = "", limit: int = 20) -> Comparison:
    """Compare a version with another one, by slice and by class.

    Args:
        connection: To the store.
        version: Such as "v3".
        other: Such as "v2"; of the same line, or they share no images.
        part: Only classes whose names contain this.
        limit: Classes, at most.

    Raises:
        UnknownVersionError: There is none of one of the names.
    """
    pair = find_version(connection, version), find_version(connection, other)
    tally, slices = _Tally(), []
    for name in slice_names(connection, pair[0].lineage):
        counted = count_pairs(connection, version, other, name)
        if counted:
            slices.append(_slice(name, _count(counted, pair, tally)))
    wanted = {name: counts for name, counts in tally.classes.items() if part.lower() in name.lower()}
    return Comparison(
        version=version,
        other=other,
        slices=slices,
        classes=[_class(name, counts) for name, counts in _most_changed(wanted)[:limit]],
        num_classes=len(wanted),
        confusions=tally.confusions()[:MAX_CONFUSIONS],
        matrix=tally.confusions(with_right=True) if tally.num_named <= MAX_MATRIX_CLASSES else None,
        flips=_flips(connection, pair, [each.slice for each in slices]),
    )


def _flips(connection: Connection, pair: tuple[Version, Version], names: Sequence[str]) -> list[Flip]:
    flips: list[Flip] = []
    for name in reversed(names):
        different = differences(connection, pair[0].version, pair[1].version, name, _MAX_DIFFERENCES)
        flips += [
            Flip(
                sample_id=each.sample_id,
                slice=name,
                label=each.label,
                answered=_name(pair[0].class_names, each.first_index),
            )
            for each in different
            if _name(pair[1].class_names, each.second_index) == each.label
        ]
        if len(flips) >= MAX_FLIPS:
            break
    return flips[:MAX_FLIPS]


def _count(counted: Iterable[PairedAnswers], pair: tuple[Version, Version], tally: _Tally) -> Counts:
    total = Counts()
    for each in counted:
        answered = _name(pair[0].class_names, each.first_index)
        before = _name(pair[1].class_names, each.second_index)
        outcome = {"is_right": answered == each.label, "was_right": before == each.label}
        total.add(**outcome, num=each.num)
        tally.classes.setdefault(each.label, Counts()).add(**outcome, num=each.num)
        tally.answered[each.label, answered] += each.num
    return total


def _name(class_names: Sequence[str], index: int) -> str:
    return class_names[index] if 0 <= index < len(class_names) else "no number"


def _slice(name: str, counts: Counts) -> SliceComparison:
    accuracy, other_accuracy = counts.accuracies
    low, high = paired_loss_interval(counts.num_lost, counts.num_won, counts.num_both, counts.num_neither)
    return SliceComparison(
        slice=name,
        num_images=counts.num_images,
        accuracy=accuracy,
        other_accuracy=other_accuracy,
        # What is lost becomes what is gained.
        low=-high,
        high=-low,
        num_won=counts.num_won,
        num_lost=counts.num_lost,
    )


def _class(name: str, counts: Counts) -> ClassComparison:
    accuracy, other_accuracy = counts.accuracies
    return ClassComparison(
        label=name,
        num_images=counts.num_images,
        accuracy=accuracy,
        other_accuracy=other_accuracy,
        num_won=counts.num_won,
        num_lost=counts.num_lost,
    )


def _most_changed(classes: dict[str, Counts]) -> list[tuple[str, Counts]]:
    def change(item: tuple[str, Counts]) -> tuple[int, int, str]:
        name, counts = item
        return -abs(counts.num_won - counts.num_lost), -counts.num_won - counts.num_lost, name

    return sorted(classes.items(), key=change)
