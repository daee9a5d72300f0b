"""How far the training of the present round is: one fact, which each report replaces."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from store import leases
from store.database.facts import read_fact, write_fact

_FACT = "training_progress"


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a round's training is.

    Attributes:
        round_id: The round.
        epoch: The present pass over the samples, from 1.
        num_epochs: How many there will be.
        num_steps_done: Steps that are done, of all epochs.
        num_steps: How many there will be in all.
        seconds_left: Until the training ends, if it goes on as it went so far.
    """

    round_id: int
    epoch: int
    num_epochs: int
    num_steps_done: int
    num_steps: int
    seconds_left: float


def report(connection: Connection, progress: TrainingProgress, fencing: int) -> None:
    """Write down how far a training is.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    leases.check(connection, fencing)
    write_fact(connection, _FACT, asdict(progress))


def training_progress(connection: Connection, round_id: int) -> TrainingProgress | None:
    """Return how far the training of a round was last; None where it did not report."""
    fact = read_fact(connection, _FACT)
    return TrainingProgress(**fact) if fact is not None and fact["round_id"] == round_id else None
