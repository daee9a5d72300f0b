"""The states of a round, and which may follow which."""

from typing import Final

from store.errors import IllegalTransitionError

#: Under one learner, where each try but the last crashed.
MAX_TRIES: Final = 3
#: Under all learners. Some learners are simply replaced, but ten that end in one round have a reason.
MAX_TRIES_IN_ALL: Final = 10

RUNNING: Final = frozenset({"preparing", "training", "evaluating"})
#: Judged, but not decided.
WAITING: Final = frozenset({"awaiting_labels", "awaiting_approval"})
UNFINISHED: Final = frozenset({"requested"}) | RUNNING | WAITING
FINISHED: Final = frozenset({"promoted", "rejected", "inconclusive", "failed", "cancelled"})

_UNSUCCESSFUL: Final = frozenset({"rejected", "inconclusive", "failed", "cancelled"})

# A running round goes back to `preparing` when the next learner repeats what a killed one left.
_NEXT: Final = {
    "requested": frozenset({"preparing", "failed", "cancelled"}),
    "preparing": _UNSUCCESSFUL | {"preparing", "training"},
    "training": _UNSUCCESSFUL | {"preparing", "evaluating"},
    "evaluating": _UNSUCCESSFUL | WAITING | {"preparing", "promoted"},
    "awaiting_labels": frozenset({"promoted", "awaiting_approval", "rejected", "inconclusive", "cancelled"}),
    "awaiting_approval": frozenset({"promoted", "cancelled"}),
}


def check_transition(round_id: int, state: str, next_state: str) -> None:
    """Raise unless a round in `state` may go to `next_state`.

    Raises:
        IllegalTransitionError: It may not.
    """
    allowed = _NEXT.get(state, frozenset())
    if next_state not in allowed:
        legal = ", ".join(sorted(allowed)) if allowed else "nothing, for it has ended"
        raise IllegalTransitionError(
            f"Round {round_id} is {state} and can't become {next_state}; what can follow is {legal}. "
            "Look at the round again before acting on it."
        )
