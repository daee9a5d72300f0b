"""The gate: may this candidate replace production?"""

import math
from collections.abc import Sequence

import numpy as np

from retrain.gate import new_evidence, old_evidence
from retrain.gate.outcomes import AGREEMENT, CalibrationPair, NewEvidence, Outcomes, pool
from retrain.gate.sentence import sentence
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check, Decision, Verdict


def judge(
    old: Sequence[Outcomes],
    new: NewEvidence,
    *,
    margin: float,
    num_earlier_verdicts: int,
    calibration: CalibrationPair | None,
    class_names: Sequence[str],
    settings: GateSettings,
    rng: np.random.Generator,
) -> Verdict:
    """Return the verdict on a candidate, from what it and production answered on the same samples.

    Passed: every check passed. Rejected: a check failed. That is, something old was significantly lost
    (all, a slice, a class), too many old answers flipped, calibration got worse, an answer was NaN, or the
    candidate can't be better on new by a point. Inconclusive: no check failed, and the samples are too few
    for one of them. Flipped answers and worse calibration reject at once, since more samples would not mend
    them and interpolation may.

    Args:
        old: The golden set's outcomes and each slice's; or, for a champion without a golden set, one
            of slice `AGREEMENT`, with production right everywhere.
        new: Outcomes on the new holdout.
        margin: Loss on old that counts as none, a fraction; see `margin_for`.
        num_earlier_verdicts: Earlier verdicts that judged any of these new samples.
        calibration: Both models' calibration errors on old; None where they weren't measured.
        class_names: All classes, in the order of the labels.
        settings: The limits.
        rng: Draws for the weighted test on new samples.
    """
    pooled = _pooled(old)
    is_judged = len(pooled) >= (settings.min_agreement if pooled.slice == AGREEMENT else 1)
    slices = old_evidence.lost_slices(old, margin, settings) if is_judged else ()
    classes = old_evidence.lost_classes(pooled, len(class_names), settings) if is_judged else []
    checks = [
        _check_finite([*old, new.direct, new.volunteered], calibration),
        old_evidence.check_old(pooled, margin, settings),
        Check("slices", not slices if is_judged else None, {"num_slices": len(old), "num_lost": len(slices)}),
        Check("classes", not classes if is_judged else None, {"num_lost": len(classes)}),
        old_evidence.check_flips(pooled, is_judged, settings),
        *([_check_calibration(calibration, settings)] if calibration else []),
        new_evidence.check_new(new, num_earlier_verdicts, settings, rng),
    ]
    by_name = {check.name: check for check in checks}
    decision = _decide(checks)
    is_open = decision == "inconclusive"
    needed = _labels_needed(by_name, new, num_earlier_verdicts, settings) if is_open else {}
    lost = [(class_names[label], pooled.of_class(label)) for label in classes]
    return Verdict(
        decision=decision,
        sentence=sentence(decision, by_name, lost, slices, needed),
        checks=tuple(checks),
        lost_classes=tuple(name for name, _ in lost),
        lost_slices=slices,
        labels_needed=needed or None,
        power=float(by_name["new"].numbers["power"] or 0.0),
    )


def _pooled(old: Sequence[Outcomes]) -> Outcomes:
    has_agreement = any(each.slice == AGREEMENT for each in old)
    return pool(old, AGREEMENT if has_agreement else "old")


def _decide(checks: Sequence[Check]) -> Decision:
    if any(check.passed is False for check in checks):
        return "rejected"
    return "passed" if all(check.passed for check in checks) else "inconclusive"


def _check_finite(outcomes: Sequence[Outcomes], calibration: CalibrationPair | None) -> Check:
    num = sum(each.num_not_finite for each in outcomes)
    is_calibrated = calibration is None or math.isfinite(calibration.candidate)
    return Check("finite", num == 0 and is_calibrated, {"num_not_finite": num})


def _check_calibration(calibration: CalibrationPair, settings: GateSettings) -> Check:
    is_binding = calibration.num_samples >= settings.min_calibration
    rise = calibration.rise
    numbers = {
        "champion_error": _finite(calibration.champion),
        "candidate_error": _finite(calibration.candidate),
        "rise": _finite(rise),
        "limit": settings.max_calibration_rise,
        "num_samples": calibration.num_samples,
        "is_binding": int(is_binding),
    }
    # Where an error is NaN the check "finite" fails.
    return Check("calibration", not (is_binding and rise >= settings.max_calibration_rise), numbers)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _labels_needed(
    checks: dict[str, Check], new: NewEvidence, num_earlier_verdicts: int, settings: GateSettings
) -> dict[str, int]:
    needed: dict[str, int] = {}
    if checks["new"].passed is None:
        needed |= new_evidence.new_needed(checks["new"], new, num_earlier_verdicts, settings)
    if checks["old"].passed is None:
        num = old_evidence.old_needed(checks["old"], settings)
        if num is not None:
            needed["agreement" if checks["old"].numbers["is_agreement"] else "golden"] = num
    return needed
