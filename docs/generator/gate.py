"""The table of how often the gate errs, read from recorded results."""

from typing import Any

from docs.generator.results import Result, percent
from docs.generator.tables import table

TITLE = "How often the gate errs"
DESCRIPTION = (
    "Rounds with a known truth go through the rules that the product calls, from the pool to the verdict. A "
    "figure is the share of rounds, in the worst of a case's worlds, that promotes a version with the "
    "property, where nothing else is said; a blend counts too. A bar is broken where it is sure to 99 % that "
    "it isn't met. Beside stands the gate of an earlier commit in the same worlds, below are other limits, "
    "both in a quarter of the rounds."
)
_CASES = {
    "null_promoted": "equal on new, in ten patterns of labelling",
    "worse_live_promoted": "4 points worse on live images; mistakes and a tenth of the others are labelled",
    "burst_promoted": "equal, in bursts of 1, 2, 5 and 10 similar pictures",
    "worse_old_promoted": "3 points worse on old, better on new",
    "creep_pp": "points of old lost in 12 rounds of candidates that each lose .5 to 1",
    "forgotten_class_promoted": "forgot one class of 20, 50, 100 or 1,000",
    "forgotten_slice_promoted": "lost 30 points of one slice of eight",
    "poison_promoted": "better only on images of one source of four, 8 to 30 % of all",
    "better_promoted": "10 points better, 150 images labelled",
    "better_unattended": "5 points better, only corrections come, nobody at the queue",
    "mended_promoted": "mends a production that is right on 10 %",
    "labels_for_power": "answers until four of five candidates pass that are 5 points better",
    "rollback_median": "images until the watch rolls back a version that is 10 points worse, median",
    "rollback_false": "the watch rolls back an equal version in 5,000 images",
}
_LIMITS = {
    "anchor": ("Bound against the anchor", lambda value: f"{100 * (1 - value):g} %"),
    "questions": ("Open questions with which a pool ends", lambda value: f"{value}"),
    "classes": ("Share of wrong ones among lost classes (q)", lambda value: f"{value:g}"),
}
_FIGURES = {
    "creep_pp": "points of old lost in 12 rounds",
    "equal_on_old_promoted": "promoted of candidates that are equal on old and better on new",
    "labels_for_power": "answers for four of five candidates",
    "better_unattended": "5 points better, unattended",
    "forgotten_class_promoted": "forgot a class",
    "better_promoted": "10 points better, 150 labelled",
}


def section(result: Result) -> list[str]:
    """Return the lines of the section."""
    figures = result.figures
    before = figures["before"]
    rows = [
        (
            title,
            f"{'≥' if case['is_least'] else '≤'} {_shown(key, case['bar'])}",
            _shown(key, case["median"]),
            _shown(key, case["worst"]) + (" (broken)" if case["is_broken"] else ""),
            _shown(key, before["worst"][key]) if key in before["worst"] else "",
        )
        for key, title in _CASES.items()
        for case in (figures["cases"][key],)
    ]
    columns = ("case", "bar", "median of seeds", "worst", f"at {before['commit']}")
    lines = table(columns, rows)
    for limit, (title, write) in _LIMITS.items():
        lines += [
            "",
            f"**{title}.**",
            "",
            *_frontier([r for r in figures["frontier"] if r["limit"] == limit], write),
        ]
    return lines


def _frontier(rows: list[dict[str, Any]], write: Any) -> list[str]:
    keys = [key for key in rows[0] if key in _FIGURES]
    return table(
        ("limit", *(_FIGURES[key] for key in keys)),
        [(write(row["value"]), *(_shown(key, row[key]) for key in keys)) for row in rows],
    )


def _shown(key: str, value: float) -> str:
    if key in ("labels_for_power", "rollback_median"):
        return "never" if value >= 10_000 else f"{value:.0f}"
    return f"{value:.2f}" if key == "creep_pp" else percent(value)
