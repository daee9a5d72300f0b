"""What can go wrong in a round.

RetrainError
├── RoundCancelledError     a person stopped the round
├── NoChampionError         there is no production version to start from
├── SampleDeletedError      a sample was deleted while the round learnt from it
├── LeakageError            a sample stands both among what is learnt and what is judged
├── OutcomesError           two models' outcomes are not of the same samples
└── VerdictError            a stored verdict can't be read
"""


class RetrainError(Exception):
    """Base class of the errors of this room."""


class RoundCancelledError(RetrainError):
    """A person asked for the round to be stopped."""


class NoChampionError(RetrainError):
    """A round starts from the production version, and there is none."""


class SampleDeletedError(RetrainError):
    """A sample that the round learnt from was deleted before its end: the round is repeated."""


class LeakageError(RetrainError):
    """A sample would be learnt and judged by the same round."""


class OutcomesError(RetrainError):
    """The outcomes given to the gate don't belong together: a mistake of the caller."""


class VerdictError(RetrainError):
    """What is stored as a verdict is none of this release's."""
