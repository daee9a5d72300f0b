"""The gate: may this candidate replace production?"""

import math
from collections.abc import Sequence
from dataclasses import replace

from retrain.gate.classes import check_classes
from retrain.gate.new_classes import NewClassEvidence, check_new_classes, without_superiority
from retrain.gate.new_evidence import check_new, check_sources
from retrain.gate.old_evidence import check_bounds, check_flips, check_slices, old_needed
from retrain.gate.outcomes import NO_ANSWER, CalibrationPair, NewEvidence, OldEvidence
from retrain.gate.sentence import sentence
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check, Decision, Verdict
from retrain.gate.wording import percent

_ON_NEW = ("new", "sources")


def judge(
    old: OldEvidence,
    new: NewEvidence,
    *,
    alpha: float,
    margin: float,
    calibration: CalibrationPair | None,
    class_names: Sequence[str],
    settings: GateSettings,
    new_classes: NewClassEvidence | None = None,
) -> Verdict:
    """Return the verdict on a candidate, from what it and production answered on the same images.

    Passed: every rule that was asked holds. Rejected: one is broken, that is, something old was lost (all, a
    slice, a class), too many answers flipped, calibration got worse, an answer was NaN, or nothing worth a
    change is won on new. Awaiting labels: answers to open questions on new would decide. Inconclusive: the
    images are too few for one of the rules.

    Args:
        old: What must not be lost.
        new: A fair draw of new images.
        alpha: Level of the test on new; see `GateSettings.alpha_new`.
        margin: Loss on old that counts as none, a fraction; see `margin_for`.
        calibration: Both models' calibration errors on old; None where they weren't measured.
        class_names: Production's classes, in the order of the labels.
        settings: The limits.
        new_classes: Of classes that production does not know; None where the candidate learnt none. With
            some the candidate need not be better on new images, which are of known classes.
    """
    classes, lost_classes = check_classes(old.golden, old.learnt, class_names, settings)
    slices, lost_slices = check_slices(old, margin, settings)
    checks = [
        *_checks_on_classes(new_classes, new, alpha, margin, settings),
        *check_bounds(old, margin, settings),
        slices,
        classes,
        check_flips(old.all_old, settings),
        *([_check_calibration(calibration, settings)] if calibration else []),
        _check_finite(old, new, calibration),
    ]
    lost = [(class_names[label], old.golden.of_class(label)) for label in lost_classes]
    described = [
        f"{name} ({percent(own.champion_accuracy)} → {percent(own.candidate_accuracy)} %)"
        for name, own in lost
    ]
    verdict = Verdict(
        decision="inconclusive",
        sentence="",
        checks=tuple(checks),
        alpha=alpha,
        lost_classes=tuple(name for name, _ in lost),
        lost_slices=lost_slices,
    )
    return _decided(verdict, new, settings, described)


def judge_again(verdict: Verdict, new: NewEvidence, settings: GateSettings) -> Verdict:
    """Return a verdict that awaits labels, with the labels that came since; what is old stays as it was."""
    others = [check for check in verdict.checks if check.name not in _ON_NEW]
    checks = (*_checks_on_new(new, verdict.alpha, settings), *others)
    return _decided(replace(verdict, checks=checks), new, settings, list(verdict.lost_classes))


def _checks_on_classes(
    classes: NewClassEvidence | None, new: NewEvidence, alpha: float, margin: float, settings: GateSettings
) -> list[Check]:
    checks = _checks_on_new(new, alpha, settings)
    if classes is None:
        return checks
    return [
        check_new_classes(classes, margin, settings),
        *without_superiority(checks, new, classes, settings),
    ]


def _checks_on_new(new: NewEvidence, alpha: float, settings: GateSettings) -> list[Check]:
    return [check_new(new, alpha, settings), check_sources(new, settings)]


def _decided(
    verdict: Verdict, new: NewEvidence, settings: GateSettings, lost_classes: Sequence[str]
) -> Verdict:
    decision = _decide(verdict.checks)
    needed: dict[str, int] = {}
    if decision == "awaiting_labels":
        wins = [int(check.numbers["wins_needed"] or 0) for check in verdict.checks if check.is_open]
        needed = {"wins": max(wins), "open": new.tally().num_open}
    elif decision == "inconclusive":
        needed = old_needed(verdict.checks, settings)
    decided = replace(verdict, decision=decision, labels_needed=needed or None)
    return replace(decided, sentence=sentence(decided, lost_classes))


def _decide(checks: Sequence[Check]) -> Decision:
    if any(check.passed is False for check in checks):
        return "rejected"
    still_open = [check for check in checks if check.is_open]
    if not still_open:
        return "passed"
    labels_may_decide = all(
        check.name in _ON_NEW and check.numbers.get("wins_needed") is not None for check in still_open
    )
    return "awaiting_labels" if labels_may_decide else "inconclusive"


def _check_finite(old: OldEvidence, new: NewEvidence, calibration: CalibrationPair | None) -> Check:
    num = sum(each.num_not_finite for each in [*old.parts, *old.learnt.values()])
    num += int((new.candidate == NO_ANSWER).sum())
    is_calibrated = calibration is None or math.isfinite(calibration.candidate)
    return Check(
        "finite",
        num == 0 and is_calibrated,
        "Answers are numbers",
        f"{num} are not",
        "all are",
        numbers={"num_not_finite": num},
    )


def _check_calibration(calibration: CalibrationPair, settings: GateSettings) -> Check:
    rise = calibration.rise
    rule, bound = (
        "Confidences stay true",
        f"off by at most {percent(settings.max_calibration_rise)} points more",
    )
    figure = (
        f"off by {percent(_finite(calibration.champion))} → {percent(_finite(calibration.candidate))} points"
    )
    numbers = {
        "champion_error": _finite(calibration.champion),
        "candidate_error": _finite(calibration.candidate),
        "rise": _finite(rise),
        "limit": settings.max_calibration_rise,
        "num_samples": calibration.num_samples,
    }
    if calibration.num_samples < settings.min_calibration:
        note = f"not asked, because it takes {settings.min_calibration:,} old images"
        return Check("calibration", None, rule, figure, bound, note, numbers=numbers)
    # Where an error is NaN the check "finite" fails.
    return Check(
        "calibration", not rise >= settings.max_calibration_rise, rule, figure, bound, numbers=numbers
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
