"""The gate's answer: its decision with every number that led to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from retrain.gate.errors import VerdictError

Decision = Literal["passed", "rejected", "inconclusive", "awaiting_labels"]
Number = float | int | str | None


@dataclass(frozen=True, slots=True)
class Check:
    """One of the gate's rules, with what it found.

    Attributes:
        name: finite, golden, agreement, old, anchor, slices, classes, flips, calibration, new,
            sources or new_classes.
        passed: True or False where the numbers decide it, else None.
        rule: What is asked, for people.
        figure: What was found, for people.
        bound: What would be enough, for people.
        note: Where `passed` is None: why it is open, or why it was not asked.
        is_open: It must still be decided; False where it was not asked.
        numbers: What it is decided on; fractions, not points.
    """

    name: str
    passed: bool | None
    rule: str = ""
    figure: str = ""
    bound: str = ""
    note: str = ""
    is_open: bool = False
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate may replace production, and why.

    Attributes:
        decision: "passed": it may. "rejected": something is lost, or nothing worth a change is won.
            "inconclusive": the samples are too few. "awaiting_labels": answers to open questions can decide.
        sentence: The verdict in one sentence for people: it names what decided.
        checks: Every rule with its figures.
        alpha: The level of the test on new.
        lost_classes: Names of the classes that were lost.
        lost_slices: Names of the slices that were lost.
        labels_needed: While labels are awaited: how many answers for the candidate would decide ("wins"), of
            how many open questions ("open"). Where old samples are too few: about how many more ("golden" or
            "agreement").
    """

    decision: Decision
    sentence: str
    checks: tuple[Check, ...]
    alpha: float
    lost_classes: tuple[str, ...] = ()
    lost_slices: tuple[str, ...] = ()
    labels_needed: Mapping[str, int] | None = None

    def check(self, name: str) -> Check | None:
        """Return the check of that name, None where there is none."""
        return next((check for check in self.checks if check.name == name), None)

    @property
    def is_left_to_a_person(self) -> bool:
        """Whether a new class has too few held-out images for the gate, so that a person decides on it."""
        check = self.check("new_classes")
        return check is not None and bool(check.numbers.get("num_undecided"))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, such as `from_json` reads."""
        return asdict(self) | {
            "checks": [asdict(check) for check in self.checks],
            "lost_classes": list(self.lost_classes),
            "lost_slices": list(self.lost_slices),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Verdict":
        """Read what `to_json` gave.

        Raises:
            VerdictError: A field is missing, unknown, or the decision is none that there is.
        """
        try:
            verdict = cls(**stored)
            checks = tuple(Check(**check) for check in stored["checks"])
        except (TypeError, KeyError) as error:
            raise VerdictError(
                f"A stored verdict has the fields of Verdict; this one doesn't ({error}). "
                "It was written by another release: run the round again."
            ) from error
        if verdict.decision not in get_args(Decision):
            raise VerdictError(
                f"A verdict's decision is one of {', '.join(get_args(Decision))}; got {verdict.decision!r}."
            )
        return cls(
            **{
                **stored,
                "checks": checks,
                "lost_classes": tuple(verdict.lost_classes),
                "lost_slices": tuple(verdict.lost_slices),
            }
        )
