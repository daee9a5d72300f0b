"""What can go wrong in a round.

RetrainError
├── RoundCancelledError     a person stopped the round
├── NoChampionError         there is no production version to start from
├── SampleDeletedError      a sample was deleted, or its source quarantined, while the round ran
└── LeakageError            a sample stands both among what is learnt and what is judged
"""


class RetrainError(Exception):
    """Base class of the errors of this room."""


class RoundCancelledError(RetrainError):
    """A person asked for the round to be stopped."""


class NoChampionError(RetrainError):
    """A round starts from the production version, and there is none."""


class SampleDeletedError(RetrainError):
    """A sample of the round was deleted or withheld before it ended: the round is repeated."""


class LeakageError(RetrainError):
    """A sample would be learnt and judged by the same round."""
