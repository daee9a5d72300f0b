"""Names why the gate let a candidate not through, and what to try then."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from retrain.gate.verdict import Verdict

#: What a verdict that doesn't pass is put down to.
Cause = Literal[
    "no_numbers",
    "nothing_differs",
    "class_lost",
    "slice_lost",
    "old_lost",
    "flips",
    "old_not_shown",
    "confidences",
    "class_takes_old",
    "class_not_found",
    "new_not_learnt",
    "no_new_images",
]
#: How a second candidate is made. `half_blend` gives back half of what was learnt, or more: weights closer to
#: production. `deeper` trains all layers, after the head alone; `longer` trains them on. `new_temperature`
#: fits confidences to old images alone.
Cure = Literal["half_blend", "deeper", "longer", "new_temperature"]
#: Whether a candidate has a new head alone, or all its layers were trained.
Kind = Literal["head", "full"]

_OLD_NOT_SHOWN: Set[str] = {"golden", "agreement", "old", "anchor"}
_BY_CHECK: dict[str, Cause] = {
    "classes": "class_lost",
    "slices": "slice_lost",
    "golden": "old_lost",
    "agreement": "old_lost",
    "old": "old_lost",
    "anchor": "old_lost",
    "flips": "flips",
    "calibration": "confidences",
}
_CURES: dict[Cause, Cure] = {
    "class_lost": "half_blend",
    "slice_lost": "half_blend",
    "old_lost": "half_blend",
    "flips": "half_blend",
    "old_not_shown": "half_blend",
    "confidences": "new_temperature",
    "class_takes_old": "half_blend",
    "class_not_found": "longer",
    "new_not_learnt": "longer",
}
_IN_WORDS: dict[Cause, str] = {
    "no_numbers": "It gave answers that are no numbers, which no mixing with production can mend.",
    "nothing_differs": "It answers new images as production does. The next round has more to learn from.",
    "class_lost": "It lost a class. Closer to production it may keep it.",
    "slice_lost": "It lost what an earlier round learnt. Closer to production it may keep it.",
    "old_lost": "It lost too much of the old. Closer to production it loses less.",
    "flips": "Too many right answers turned wrong. Closer to production fewer do.",
    "old_not_shown": "That nothing old is lost could not be shown. Closer to production less is at stake.",
    "confidences": "Its confidences are less true. They are fitted again, to old images alone.",
    "class_takes_old": "It takes old images for a new class. Closer to production it takes fewer.",
    "class_not_found": "It finds too few images of a new class.",
    "new_not_learnt": "It learnt too little of the new for a proof.",
    "no_new_images": "There were no fair new images to prove anything on.",
}
_MORE_IN_WORDS: dict[Cure | None, str] = {
    "deeper": " All layers are trained.",
    "longer": " It is trained longer, at a higher rate.",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a candidate did not pass, and what to try.

    Attributes:
        cause: What the verdict is put down to.
        cure: How to make a second candidate; None where none may help.
        why: Both in words.
    """

    cause: Cause
    cure: Cure | None
    why: str


def diagnose(verdict: Verdict, kind: Kind, *, allows_full: bool = True) -> Diagnosis | None:
    """Return why a round's first candidate did not pass; None where it passed, or only labels are missing.

    What is old comes first: a candidate that both lost something and won too little is not trained longer.

    Args:
        verdict: On the round's first candidate.
        kind: How that was made.
        allows_full: Whether all layers may be trained.

    Source:
        Blends: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    cause = _cause(verdict)
    if cause is None:
        return None
    cure = _cure(cause, verdict)
    if cure == "longer" and kind == "head":
        cure = "deeper" if allows_full else None
    return Diagnosis(cause, cure, _IN_WORDS[cause] + _MORE_IN_WORDS.get(cure, ""))


def _cause(verdict: Verdict) -> Cause | None:
    refused = {check.name for check in verdict.checks if check.passed is False}
    unshown = {check.name for check in verdict.checks if check.is_open}
    if "finite" in refused:
        return "no_numbers"
    for name, cause in _BY_CHECK.items():
        if name in refused:
            return cause
    if "new_classes" in refused:
        return _cause_on_classes(verdict)
    if unshown & _OLD_NOT_SHOWN:
        return "old_not_shown"
    if verdict.decision == "awaiting_labels" or "new" not in refused | unshown:
        return None
    return _cause_on_new(verdict)


def _cause_on_classes(verdict: Verdict) -> Cause:
    check = verdict.check("new_classes")
    num_missed = 0 if check is None else int(check.numbers["num_missed"] or 0)
    return "class_not_found" if num_missed else "class_takes_old"


def _cause_on_new(verdict: Verdict) -> Cause:
    new = verdict.check("new")
    numbers = {} if new is None else new.numbers
    num_images, num_differing = (int(numbers.get(name) or 0) for name in ("num_images", "num_differing"))
    if num_images == 0:
        return "no_new_images"
    return "new_not_learnt" if num_differing else "nothing_differs"


def _cure(cause: Cause, verdict: Verdict) -> Cure | None:
    new = verdict.check("new")
    # To go back towards production can't win what the whole candidate did not win.
    is_won = new is None or new.passed is not False
    return _CURES.get(cause) if is_won or cause == "new_not_learnt" else None
