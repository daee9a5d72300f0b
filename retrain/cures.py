"""What a round tries after a first candidate that the gate did not let through."""

from typing import Literal

from retrain.gate.verdict import Verdict

#: `half_blend` gives back half of what was learnt: the weights half-way between production and the candidate.
#: Later cures join this type together with their code.
Cure = Literal["half_blend"]

_OLD = ("golden", "agreement", "old", "anchor", "slices", "classes", "flips", "calibration")


def next_cure(verdict: Verdict) -> Cure | None:
    """Return the cure that may help where something old was lost or could not be shown; None if none may.

    A blend gives back part of what was lost, at the price of part of what was won. It can't help where
    nothing was won on new, or where answers are no numbers.

    Args:
        verdict: On the round's first candidate.

    Source:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    refused = {check.name for check in verdict.checks if check.passed is False}
    unshown = {check.name for check in verdict.checks if check.is_open}
    if refused & {"new", "finite"} or not (refused | unshown) & set(_OLD):
        return None
    return "half_blend"
