"""The states of a round, and which may follow which."""

from typing import Final

from store.errors import IllegalTransitionError

#: Under one learner: each but the last crashed.
MAX_TRIES: Final = 3
#: Under all learners: some of them were replaced, but so many end with their round for a reason.
MAX_TRIES_IN_ALL: Final = 10

RUNNING: Final = frozenset({"preparing", "training", "evaluating"})
UNFINISHED: Final = frozenset({"requested", "awaiting_approval"}) | RUNNING
FINISHED: Final = frozenset({"promoted", "rejected", "inconclusive", "failed", "cancelled"})

_UNSUCCESSFUL: Final = frozenset({"rejected", "inconclusive", "failed", "cancelled"})

# A running round goes back to `preparing` when the next learner repeats what a killed one left, and
# from `evaluating` to `training` for the next attempt.
_NEXT: Final = {
    "requested": frozenset({"preparing", "failed", "cancelled"}),
    "preparing": _UNSUCCESSFUL | {"preparing", "training"},
    "training": _UNSUCCESSFUL | {"preparing", "evaluating"},
    "evaluating": _UNSUCCESSFUL | {"preparing", "training", "promoted", "awaiting_approval"},
    "awaiting_approval": frozenset({"promoted", "rejected", "cancelled"}),
}


def check_transition(round_id: int, found: str, wanted: str) -> None:
    """Return when a round in state `found` may go to `wanted`.

    Raises:
        IllegalTransitionError: It may not.
    """
    allowed = _NEXT.get(found, frozenset())
    if wanted not in allowed:
        legal = ", ".join(sorted(allowed)) if allowed else "nothing, for it has ended"
        raise IllegalTransitionError(
            f"Round {round_id} is {found} and can't become {wanted}; what can follow is {legal}. "
            "Look at the round again before acting on it."
        )
