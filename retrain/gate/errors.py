"""What can go wrong in the gate.

GateError
├── OutcomesError    two models' outcomes are not of the same samples
└── VerdictError     a stored verdict can't be read
"""


class GateError(Exception):
    """Base class of the gate's errors."""


class OutcomesError(GateError):
    """The outcomes given to the gate don't belong together: a mistake of the caller."""


class VerdictError(GateError):
    """A stored verdict isn't one of this release."""
