"""Sums outcomes up to the figures that are recorded."""

from collections import Counter
from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from scipy.stats import beta, chi2  # type: ignore[attr-defined]  # SciPy comes without types

from benchmarks.drift.errors import ErrorOutcome, declared_labels
from benchmarks.drift.outcomes import Named, Outcome

Figures = dict[str, Any]


def steady_figures(outcomes: Sequence[Outcome], declared: int) -> Figures:
    """Return the rate of false alarms as a share of the declared one, with its 95 % interval."""
    alarms, rows = sum(each.false_alarms for each in outcomes), sum(each.num_steady for each in outcomes)
    expected = rows / declared
    return {
        "streams": len(outcomes),
        "images": rows,
        "false_alarms": alarms,
        "false_alarms_per_declared": round(alarms / expected, 3),
        # Of a Poisson count; alarms on one stream share its reference, so the truth is a little wider.
        "interval": [
            round(float(chi2.ppf(0.025, 2 * alarms)) / 2 / expected if alarms else 0.0, 3),
            round(float(chi2.ppf(0.975, 2 * alarms + 2)) / 2 / expected, 3),
        ],
    }


def change_figures(outcomes: Sequence[Outcome], within: int) -> Figures:
    """Return how many changes were detected in time, how soon, and how truly they were explained."""
    delays = [each.delay for each in outcomes if each.delay is not None]
    in_time = sum(delay <= within for delay in delays)
    num = len(outcomes)
    return {
        "streams": num,
        f"detected_at_{within}": round(in_time / num, 3),
        "interval": [
            round(float(beta.ppf(0.025, in_time, num - in_time + 1)) if in_time else 0.0, 3),
            round(float(beta.ppf(0.975, in_time + 1, num - in_time)) if in_time < num else 1.0, 3),
        ],
        "delay_median": median(delays) if delays else None,
        "delay_95": sorted(delays)[int(0.95 * len(delays))] if delays else None,
        "seen_first_by": dict(Counter(each.detector for each in outcomes if each.detector).most_common()),
        "at_once": _named([each.at_once for each in outcomes if each.at_once is not None]),
        "later": _named([each.later for each in outcomes if each.later is not None]),
    }


def error_figures(outcomes: Sequence[ErrorOutcome], num_labels: int) -> Figures:
    """Return delay and false alarms of the errors' CUSUM."""
    alarms = sum(each.false_alarms for each in outcomes)
    return {
        "streams": len(outcomes),
        "declared_labels": declared_labels(),
        "delay_10_to_20_median": median(each.delay for each in outcomes),
        "delay_95": sorted(each.delay for each in outcomes)[int(0.95 * len(outcomes))],
        "false_alarms": alarms,
        "false_alarms_per_declared": round(alarms * declared_labels() / (num_labels * len(outcomes)), 3),
    }


def _named(named: Sequence[Named]) -> Figures:
    top = [each.top_class for each in named if each.top_class is not None]
    return {
        "kind_named": round(mean(each.kind for each in named), 3) if named else None,
        "class_named_top1": round(mean(top), 3) if top else None,
        "precision_at_20": round(mean(each.precision for each in named), 3) if named else None,
        "witnesses_mean": round(mean(each.num_witnesses for each in named), 1) if named else None,
        "since_error_median": median(each.since_error for each in named) if named else None,
    }
