"""The answer of `/v1/status`."""

from typing import Any

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime
from monitoring.answers.watches import Watch


class ServingWorker(Answer):
    """One serving process that is alive."""

    id: str
    version: str | None = Field(description="What it answers with; null before its first version is loaded.")
    since: UtcTime | None = Field(description="Since when it answers with that version.")
    error: str | None = Field(description="Why it could not load the version in production.")


class Pause(Answer):
    """Why learning waits for a person."""

    reason: str
    by: str = Field(description="The name of a key, or a person at the command line.")
    since: UtcTime


class Learner(Answer):
    """Whether a learner is at work."""

    is_alive: bool
    holder: str | None = Field(description="Who had the learner's lease last.")


class Training(Answer):
    """How far the training of a round is."""

    epoch: int = Field(description="The present pass over the samples, from 1.")
    num_epochs: int
    num_steps_done: int
    num_steps: int = Field(description="Of all epochs together.")
    seconds_left: float = Field(description="Until the training ends, if it goes on as it went so far.")


class RoundProgress(Answer):
    """The round that is not finished, with its last step."""

    id: int
    state: str
    step: str | None
    # Each step writes down what it has to say: an epoch its losses, a state its reason.
    detail: dict[str, Any] | None = Field(description="What the step wrote down; each kind has its own.")
    started: UtcTime | None
    training: Training | None = Field(description="While it trains, once it has reported.")


class TrialProgress(Answer):
    """A round that waits for labels, where its candidate and production differ."""

    round: int = Field(description="Its number.")
    asked: int = Field(description="Images whose labels were asked for.")
    answered: int = Field(description="Those of them that were answered.")
    needed: int | None = Field(description="Labels that prove the candidate right, until it is promoted.")
    ends: UtcTime = Field(description="When it ends without a verdict.")


class Status(Answer):
    """What serves, what waits to be learnt, and who works."""

    production: str | None = Field(description="The version in production.")
    is_starter: bool = Field(description="Whether that version came with the product.")
    description: str | None = Field(description="What a starter is made of.")
    device: str | None = Field(description="What networks run on.")
    classes: list[str]
    num_pending: int = Field(
        description="Samples that production has not seen: those to learn from and those to judge on."
    )
    num_conflicts: int = Field(description="Samples set aside, since sources give them different labels.")
    num_disputes: int = Field(
        description="Samples whose label a person has to settle: those that are set aside for it, and those "
        "whose trusted label stays in force meanwhile."
    )
    num_quarantined: int = Field(description="Samples set aside, since no class has the name of their label.")
    num_unknown_labels: int = Field(
        description="Labels that production does not know, with samples enough for a class, of which nobody "
        "said anything; at /v1/classes."
    )
    threshold: int = Field(description="Pending samples that start a round.")
    waits_for: str | None = Field(
        description="What the next round waits for where that is something else, as after a rejected one."
    )
    round: RoundProgress | None
    workers: list[ServingWorker]
    paused: Pause | None = Field(description="Null while learning goes on.")
    learner: Learner
    num_alarms: int = Field(description="Alarms that nobody looked at yet, at /v1/alarms.")
    num_questions: int = Field(description="Images whose labels are asked for, at /v1/queue.")
    trial: TrialProgress | None = Field(description="While a round waits for labels.")
    watch: Watch | None = Field(
        description="The watch over the last promotion, in force or ended; null before the first."
    )
