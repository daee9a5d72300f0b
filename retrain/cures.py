"""What to try next after a candidate that the gate refused."""

from collections.abc import Sequence
from typing import Literal

from retrain.gate.verdict import Verdict

#: `interpolate` mixes the weights of production and candidate without training, and chooses the mixture on
#: validation. Later cures (more replay with distillation, more blocks unfrozen, doubtful labels left out)
#: join this type together with their code.
Cure = Literal["interpolate"]

_OLD_CHECKS = ("old", "slices", "classes", "flips", "calibration")


def next_cure(verdict: Verdict, tried: Sequence[Cure], max_candidates: int = 3) -> Cure | None:
    """Return the cheapest cure that may help and that the round hasn't tried; None if there is none.

    Interpolation gives back part of what was lost, at the price of part of what was won (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022). It is tried where something old was lost, and where
    the new was won but the old samples are too few to show that nothing was lost. It can't help where the
    new wasn't learnt or the new labels are too few.

    Args:
        verdict: On the round's last candidate.
        tried: The cures of the candidates so far; the first candidate has none.
        max_candidates: Candidates that a round may show the gate.
    """
    is_over = verdict.decision == "passed" or len(tried) + 1 >= max_candidates
    if is_over or "interpolate" in tried or not _is_finite(verdict):
        return None
    checks = {check.name: check.passed for check in verdict.checks}
    is_lost = any(checks.get(name) is False for name in _OLD_CHECKS)
    is_unshown = checks.get("old") is None and checks.get("new") is True
    return "interpolate" if (is_lost and checks.get("new") is not False) or is_unshown else None


def _is_finite(verdict: Verdict) -> bool:
    check = verdict.check("finite")
    return check is None or check.passed is not False
