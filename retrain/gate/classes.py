"""The gate's check on classes: none may be forgotten, of two or of a thousand.

A class with few golden images can vanish without a significant loss there. So a class in doubt is asked
again, on images that were learnt: a model that forgets a class forgets it there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain.gate.mcnemar import benjamini_hochberg, p_worse
from retrain.gate.outcomes import Outcomes
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check
from retrain.gate.wording import listed

_RULE = "No class forgotten"
_MAX_THIN_NAMED = 5


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Golden images, right answers before, losses and wins of each class, shape (classes,)."""

    num: NDArray[np.int64]
    right: NDArray[np.int64]
    lost: NDArray[np.int64]
    won: NDArray[np.int64]

    @classmethod
    def of(cls, outcomes: Outcomes, num_classes: int) -> "ClassCounts":
        """Count outcomes by class."""

        def count(chosen: NDArray[np.bool_] | slice) -> NDArray[np.int64]:
            counts: NDArray[np.int64] = np.bincount(outcomes.labels[chosen], minlength=num_classes)
            return counts

        return cls(
            count(slice(None)), count(outcomes.champion_right), count(outcomes.lost), count(outcomes.won)
        )


def classes_in_doubt(
    golden: Outcomes, num_classes: int, settings: GateSettings, lost_before: Collection[int] = ()
) -> list[int]:
    """Return the classes that are to be asked again on learnt images.

    Args:
        golden: On the golden set.
        num_classes: All classes.
        settings: The limits.
        lost_before: Those that an earlier attempt of the round lost.
    """
    counts = ClassCounts.of(golden, num_classes)
    is_suspect = counts.lost - counts.won >= settings.min_doubtful_losses
    return sorted({*np.flatnonzero(is_suspect).tolist(), *lost_before})


def lost_classes(
    golden: Outcomes, learnt: Mapping[int, Outcomes], num_classes: int, settings: GateSettings
) -> list[int]:
    """Return the classes that are lost.

    A class is lost where it loses half of its right answers or more (p ≤ .05 unadjusted, so 5 at least);
    where Benjamini and Hochberg's procedure finds a loss over 5 points; or where it is in doubt, and loses
    significantly more than 5 points of its learnt images.
    """
    counts = ClassCounts.of(golden, num_classes)
    present = np.flatnonzero(counts.num)
    p_values = {int(c): p_worse(int(counts.won[c]), int(counts.lost[c])) for c in present}
    is_found = dict(
        zip(p_values, benjamini_hochberg(list(p_values.values()), settings.class_error_rate), strict=True)
    )
    lost = set()
    for c, p in p_values.items():
        net = int(counts.lost[c] - counts.won[c])
        is_halved = 2 * net >= counts.right[c] and p <= settings.alpha
        if is_halved or (is_found[c] and net > settings.max_class_drop * counts.num[c]):
            lost.add(c)
    return sorted(lost | {c for c, own in learnt.items() if _is_lost_where_learnt(own, settings)})


def check_classes(
    golden: Outcomes, learnt: Mapping[int, Outcomes], class_names: Sequence[str], settings: GateSettings
) -> tuple[Check, list[int]]:
    """Check that no class is lost; return also which are."""
    bound = f"none loses half, or {100 * settings.max_class_drop:g} points significantly"
    if not len(golden):
        note = "not asked, because there are no golden images"
        return Check("classes", None, _RULE, "–", bound, note), []
    lost = lost_classes(golden, learnt, len(class_names), settings)
    counts = ClassCounts.of(golden, len(class_names)).num
    thin = [class_names[label] for label in np.flatnonzero(counts < settings.thin_class).tolist()]
    named = f"; under {settings.thin_class} images: {listed(thin, _MAX_THIN_NAMED)}" if thin else ""
    numbers = {"num_lost": len(lost), "num_thin": len(thin), "num_asked_again": len(learnt)}
    return Check("classes", not lost, _RULE, f"{len(lost)} lost{named}", bound, numbers=numbers), lost


def _is_lost_where_learnt(own: Outcomes, settings: GateSettings) -> bool:
    net = own.num_lost - own.num_won
    return net > settings.max_class_drop * len(own) and p_worse(own.num_won, own.num_lost) <= settings.alpha
