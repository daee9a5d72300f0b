"""The tables of how well drift is noticed and explained, read from recorded results."""

from typing import Any

from docs.generator.results import Result, percent
from docs.generator.tables import table

TITLE = "Drift's alarm"
DESCRIPTION = (
    "Photographs of CIFAR-10 through a ResNet-18 (bundled weights, a linear probe), with one false alarm in "
    "5,000 images declared over all detectors. Each stream has a reference of its own, of 2,000 images; all "
    "are drawn from one pool of 12,000 that the head has not learnt from, so streams share photographs, in "
    "other orders. Changes begin after 1,000 images."
)
_STEADY = {
    "steady": "each image once",
    "repeated": "each image asked five times",
    "bursts": "in bursts of one group",
}
_CHANGES = {
    "night_in_half": ("half by night", 300),
    "half_of_two_classes": ("half of two classes", 300),
    "one_class_by_night": ("one class by night", 1500),
    "one_class_tinted": ("one class under warm light", 1500),
}
_NAMED = ("kind_named", "class_named_top1", "precision_at_20")


def section(result: Result) -> list[str]:
    """Return the lines of the section."""
    figures = result.figures
    headline, errors = figures["headline"], figures["errors"]
    return [
        "Without drift:",
        "",
        *_steady(figures),
        "",
        "With drift, explained at the alarm and again 200 images later:",
        "",
        *_changes(figures),
        "",
        f"Errors from 10 to 20 % show after {errors['delay_10_to_20_median']:.0f} labels at the median, with "
        f"{errors['false_alarms_per_declared']:.2f} of the declared one false alarm in "
        f"{errors['declared_labels']:,} labels. A request does nothing for this; the learner takes "
        f"{1000 * headline['seconds_per_1000_predictions']:.0f} ms for 1,000 predictions, and "
        f"{figures['calibration_seconds']:.1f} s for the thresholds of a new reference.",
    ]


def _steady(figures: dict[str, Any]) -> list[str]:
    rows = [
        (
            title,
            case["streams"],
            f"{case['images']:,}",
            case["false_alarms"],
            "{:.2f} ({:.2f} to {:.2f})".format(case["false_alarms_per_declared"], *case["interval"]),
        )
        for key, title in _STEADY.items()
        for case in (figures[key],)
    ]
    return table(("stream", "streams", "distinct images", "false alarms", "of the declared"), rows)


def _changes(figures: dict[str, Any]) -> list[str]:
    rows = [
        (
            title,
            f"{percent(case[f'detected_at_{within}'])} within {within:,}",
            f"{case['delay_median']:.0f}",
            *(_pair(case["at_once"][figure], case["later"][figure]) for figure in _NAMED),
            f"{case['at_once']['since_error_median']:.0f}, {case['later']['since_error_median']:.0f}",
        )
        for key, (title, within) in _CHANGES.items()
        for case in (figures[key],)
    ]
    columns = (
        *("change", "detected", "images until the alarm", "kind named", "class named first"),
        *("witnesses of the kind", "off the time, images"),
    )
    return table(columns, rows)


def _pair(at_once: float | None, later: float | None) -> str:
    if at_once is None or later is None:
        return "–"
    return f"{percent(at_once)}, {percent(later)}"
