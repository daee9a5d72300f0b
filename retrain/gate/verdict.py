"""The gate's answer: its decision with every number that led to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from retrain.gate.errors import VerdictError

Decision = Literal["passed", "rejected", "inconclusive"]
Number = float | int | str | None


@dataclass(frozen=True, slots=True)
class Check:
    """One of the gate's checks.

    Attributes:
        name: old, slices, classes, flips, calibration, finite or new.
        passed: True or False where the numbers decide it, None (open) where they don't.
        numbers: What it is decided on; fractions, not points.
    """

    name: str
    passed: bool | None
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate may replace production, and why.

    Attributes:
        decision: "passed": it may. "rejected": something is lost, or nothing worth a change is won.
            "inconclusive": the samples are too few; try again when the new holdout has grown by half.
        sentence: The verdict in one sentence for people.
        checks: Every check with its numbers.
        lost_classes: Names of the classes that were significantly lost.
        lost_slices: Names of the slices that were significantly lost.
        labels_needed: Where inconclusive: how many *more* labels of which kind should settle it, e.g.
            {"direct": 70, "confirmations": 12}; kinds are direct (audits count), confirmations,
            corrections, audits, golden and agreement. direct and the other new kinds are alternatives.
        power: The chance that a candidate truly better on new by the hoped gain (5 points, a setting)
            passes the check on new with these samples; 0 where they can't be judged at all.
    """

    decision: Decision
    sentence: str
    checks: tuple[Check, ...]
    lost_classes: tuple[str, ...] = ()
    lost_slices: tuple[str, ...] = ()
    labels_needed: Mapping[str, int] | None = None
    power: float = 0.0

    def check(self, name: str) -> Check | None:
        """Return the check of that name, None where there is none."""
        return next((check for check in self.checks if check.name == name), None)

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
            VerdictError: A field is missing, unknown, or the decision is none of the three.
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
