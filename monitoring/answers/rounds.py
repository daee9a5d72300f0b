"""The answers of `/v1/rounds` and `/v1/rounds/{round_id}`."""

from typing import Any

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from monitoring.answers.answer import Answer, UtcTime
from monitoring.answers.status import Training

Number = bool | int | float | str | None
# Verdicts and curves are stored as JSON, and shown as they are stored: another release's, too.
_as_stored = with_config(ConfigDict(extra="allow"))


@_as_stored
class Check(TypedDict, total=False):
    """One rule of the gate, with what it found (`figure`) and what would be enough (`bound`), for people.

    `passed` is null where it is open or was not asked; then `note` says why. Verdicts of earlier releases
    have `numbers` alone.
    """

    name: str
    passed: bool | None
    rule: str
    figure: str
    bound: str
    note: str
    numbers: dict[str, Number]


@_as_stored
class Verdict(TypedDict, total=False):
    """Whether a candidate may replace production (`decision`), and why (`sentence`).

    `labels_needed` says what would settle it: `wins` more answers for the candidate, of so many `open`
    questions; or about how many more `golden` or `agreement` images.
    """

    decision: str
    sentence: str
    checks: list[Check]
    lost_classes: list[str]
    lost_slices: list[str]
    labels_needed: dict[str, int] | None


@_as_stored
class EpochFigures(TypedDict, total=False):
    """One epoch: mean losses in nats, and accuracies as fractions."""

    epoch: int
    training_loss: float
    validation_loss: float
    training_accuracy: float
    validation_accuracy: float
    seconds: float


@_as_stored
class Curves(TypedDict, total=False):
    """How a training went: the epochs, oldest first, and the one whose weights were kept.

    `diagnosis` is underfitting, overfitting or good fit, and `advice` what to do about it. `unit` is what is
    counted: epochs, or for a solved head the penalties on its weights, strongest first.
    """

    epochs: list[EpochFigures]
    best_epoch: int
    diagnosis: str
    advice: str
    unit: str


class RoundSummary(Answer):
    """One retraining."""

    id: int
    state: str = Field(
        description="requested, preparing, training, evaluating, awaiting_labels, awaiting_approval, "
        "promoted, rejected, inconclusive, failed or cancelled."
    )
    candidate: str | None = Field(description="The version that it made.")
    production: str | None = Field(description="The version that its candidate is judged against.")
    reason: str | None = Field(description="Why it ended as it did.")
    sentence: str | None = Field(description="The verdict in one sentence.")
    trigger: str = Field(description="Why it was requested.")
    requested_by: str = Field(description="The name of a key, the scheduler, or a person.")
    cancel_requested: bool = Field(description="Whether a person cancelled it; it ends itself soon.")
    created: UtcTime
    started: UtcTime | None
    ended: UtcTime | None


class RoundStep(Answer):
    """One step; entering a state is a step named after it."""

    step: str
    # Each step writes down what it has to say: an epoch its losses, a state its reason.
    detail: dict[str, Any] = Field(description="What the step wrote down; each kind has its own.")
    created: UtcTime


class RoundAttempt(Answer):
    """One candidate that the round had judged."""

    attempt: int
    cure: str = Field(
        description="How the candidate was made: fine_tune, or after a first one half_blend, deeper, longer "
        "or new_temperature."
    )
    why: str | None = Field(description="What the verdict before was put down to, and what was tried then.")
    verdict: Verdict
    created: UtcTime


class RoundDetail(RoundSummary):
    """One retraining with its steps, attempts, curves and verdict."""

    verdict: Verdict | None
    curves: Curves | None = Field(description="While it trains, of the epochs so far.")
    steps: list[RoundStep] = Field(description="Oldest first.")
    attempts: list[RoundAttempt] = Field(description="First to last.")
    num_samples: dict[str, int] = Field(description="How many samples it used, by role.")
    training: Training | None = Field(description="How far its training is, while it trains.")


class RoundList(Answer):
    """Rounds, newest first."""

    rounds: list[RoundSummary]
