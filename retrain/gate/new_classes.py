"""The gate's check on classes that production does not know, and what it asks of them in place of a gain.

Production answers no image of a new class rightly, so a paired test would only say that it is new. The check
asks whether the candidate finds the class, and whether it takes old images for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import NormalDist

from retrain.gate.mcnemar import p_worse
from retrain.gate.outcomes import NewEvidence
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check
from retrain.gate.wording import counted, listed, percent

_RULE = "New classes found, and old images not taken for them"
_RELIEVED = "not asked, because a new class is what this round wins"


@dataclass(frozen=True, slots=True)
class ClassOutcome:
    """How a candidate answers the held-out images of one new class.

    Attributes:
        name: The class.
        num_held_out: Its held-out images, one a cluster.
        num_right: Those that the candidate answers rightly.
        accepted_by: Who accepted the class.
    """

    name: str
    num_held_out: int
    num_right: int
    accepted_by: str


@dataclass(frozen=True, slots=True)
class NewClassEvidence:
    """How a candidate answers images of new classes, and old images with a new class.

    Attributes:
        classes: The new classes.
        num_old: Old images: golden ones, those of slices, or logged ones where there are none.
        num_taken: Those of them that production answers rightly and the candidate with a new class.
    """

    classes: tuple[ClassOutcome, ...]
    num_old: int
    num_taken: int


def check_new_classes(evidence: NewClassEvidence, margin: float, settings: GateSettings) -> Check:
    """Check that new classes are found, and that old images are not taken for them.

    It fails where a class with `min_class_held_out` images or more is found too rarely: the lower one-sided
    bound of its recall is under `min_recall`. It fails where more old images than the limit are taken for a
    new class, and is open where their share may be more. A class with fewer held-out images is left to a
    person: the check is neither held nor open then.

    Args:
        evidence: What the candidate answered.
        margin: Loss on old that counts as none, a fraction.
        settings: The limits.
    """
    judged = [each for each in evidence.classes if each.num_held_out >= settings.min_class_held_out]
    undecided = [each for each in evidence.classes if each.num_held_out < settings.min_class_held_out]
    missed = [each.name for each in judged if _recall(each, settings) < settings.min_recall]
    limit = _limit(evidence, margin, settings)
    share = evidence.num_taken / evidence.num_old if evidence.num_old else 0.0
    bound = wilson_bounds(evidence.num_taken, evidence.num_old, settings.alpha)[1]
    passed: bool | None = None
    note, is_open = "", False
    if missed or (evidence.num_old and share > limit):
        passed = False
    elif bound > limit:
        is_open = True
        note = (
            "open, because the old images are too few to show that they are not taken for a new class: where "
            f"none is, it takes {_fewest_old(limit, settings):,}"
        )
    elif undecided:
        note = _left_to_a_person(undecided, settings)
    else:
        passed = True
    numbers = {
        "num_old": evidence.num_old,
        "num_taken": evidence.num_taken,
        "upper_bound": bound,
        "limit": limit,
        "num_missed": len(missed),
        "num_undecided": len(undecided),
        **{f"recall of {each.name}": _recall(each, settings) for each in evidence.classes},
    }
    asked = f"at least {percent(settings.min_recall)} % found, at most {percent(limit)} % taken"
    figure = _figure(evidence, bound, settings)
    return Check("new_classes", passed, _RULE, figure, asked, note, is_open=is_open, numbers=numbers)


def without_superiority(
    checks: Sequence[Check], new: NewEvidence, evidence: NewClassEvidence, settings: GateSettings
) -> list[Check]:
    """Return the checks on new images as they count beside new classes: nothing may be lost there.

    What such a round wins is the class. That it is also better on known classes is good where it is proven,
    and need not be; that it is worse must not be proven.

    Args:
        checks: "new" and "sources", as they are without new classes.
        new: The new images of known classes.
        evidence: Which classes are new.
        settings: The limits.
    """
    tally = new.tally()
    if any(check.name == "new" and check.passed for check in checks):
        return list(checks)
    is_worse = p_worse(tally.num_won, tally.num_lost) <= settings.alpha
    names = listed([each.name for each in evidence.classes])
    return [
        replace(
            check,
            passed=False if is_worse and check.name == "new" else None,
            bound="not significantly worse" if check.name == "new" else check.bound,
            note="" if is_worse and check.name == "new" else f"{_RELIEVED}: {names}",
            is_open=False,
        )
        for check in checks
    ]


def wilson_bounds(num: int, num_all: int, alpha: float) -> tuple[float, float]:
    """Return the lower and the upper one-sided 1 - alpha bound of a share; (0, 1) of nothing.

    Source:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    >>> [round(bound, 3) for bound in wilson_bounds(7, 12, 0.05)]
    [0.356, 0.78]
    """
    if not num_all:
        return 0.0, 1.0
    # SciPy's own is in scipy.stats, which would cost the learner 53 MiB.
    z = NormalDist().inv_cdf(1 - alpha)
    share, weight = num / num_all, z * z / num_all
    centre = (share + weight / 2) / (1 + weight)
    spread = z * sqrt(share * (1 - share) / num_all + weight / (4 * num_all)) / (1 + weight)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def _recall(each: ClassOutcome, settings: GateSettings) -> float:
    return wilson_bounds(each.num_right, each.num_held_out, settings.alpha)[0]


def _limit(evidence: NewClassEvidence, margin: float, settings: GateSettings) -> float:
    return settings.max_taken if evidence.num_old >= settings.min_old_for_taken else margin / 2


def _fewest_old(limit: float, settings: GateSettings) -> int:
    """Return how many old images of which none is taken have their upper bound at the limit."""
    return ceil(NormalDist().inv_cdf(1 - settings.alpha) ** 2 * (1 - limit) / limit)


def _left_to_a_person(undecided: Sequence[ClassOutcome], settings: GateSettings) -> str:
    told = listed(
        [f"{each.name} ({each.num_held_out} held out, accepted by {each.accepted_by})" for each in undecided]
    )
    return f"left to a person, because it takes {settings.min_class_held_out} held-out images: {told}"


def _figure(evidence: NewClassEvidence, bound: float, settings: GateSettings) -> str:
    found = "; ".join(
        f"{each.name}: {each.num_right} of {each.num_held_out} found, at least "
        f"{percent(_recall(each, settings))} %"
        for each in evidence.classes
    )
    if not evidence.num_old:
        return f"{found}; no old images"
    return (
        f"{found}; {evidence.num_taken} of {counted(evidence.num_old, 'old image')} taken for one, at most "
        f"{percent(bound)} %"
    )
