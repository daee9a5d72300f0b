"""Prints a verdict: the sentence that names what decided, and each rule with its figure and its bound."""

from typing import Any

from rich.console import Console
from rich.table import Table

from monitoring.answers.rounds import Check, Verdict
from perennial.cli.output import table


def print_verdict(console: Console, verdict: Verdict) -> None:
    """Print a verdict; one of an earlier release, which has no words for its rules, with its numbers."""
    console.print(f"  {verdict.get('sentence', 'no verdict')}")
    checks = verdict.get("checks", [])
    if not checks:
        return
    console.print(_rules(checks) if any(check.get("rule") for check in checks) else _numbers(checks))
    needed = verdict.get("labels_needed")
    if needed:
        console.print(f"  What would settle it: {_needed(needed)}.")


def _rules(checks: list[Check]) -> Table:
    rows = table("", "rule", "figure", "bound")
    for check in checks:
        passed, figure, note = check.get("passed"), check.get("figure") or "–", check.get("note", "")
        if passed is None:
            figure = note if figure == "–" else f"{figure}; {note}"
        mark = {True: "✓", False: "✗", None: "–"}[passed]
        rows.add_row(mark, check.get("rule") or check.get("name", ""), figure, check.get("bound") or "–")
    return rows


def _numbers(checks: list[Check]) -> Table:
    rows = table("check", "", "numbers")
    for check in checks:
        mark = {True: "passed", False: "refused", None: "not decided"}[check.get("passed")]
        rows.add_row(check.get("name", ""), mark, in_words(check.get("numbers")))
    return rows


def _needed(labels: dict[str, int]) -> str:
    """Return what more labels would decide.

    >>> _needed({"wins": 9, "open": 19}), _needed({"golden": 300})
    ('9 more answers for the candidate, of 19 open questions', '300 more golden')
    """
    if "wins" in labels:
        wins, num_open = labels["wins"], labels.get("open", 0)
        return f"{wins:,} more answers for the candidate, of {num_open:,} open questions"
    return ", or ".join(f"{number:,} more {kind.replace('_', ' ')}" for kind, number in labels.items())


def in_words(detail: Any) -> str:
    """Return what a step wrote down, in one line.

    >>> in_words({"training_loss": 0.41234, "num_steps": 9})
    'training loss 0.4123, num steps 9'
    """
    if not isinstance(detail, dict):
        return str(detail or "")
    return ", ".join(
        f"{name.replace('_', ' ')} {round(value, 4) if isinstance(value, float) else value}"
        for name, value in detail.items()
        if not isinstance(value, dict | list)
    )
