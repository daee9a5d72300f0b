"""Moves a round from state to state, under the learner's fencing number."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select, update

from store import leases, registry
from store.database.database import now
from store.database.schema import round_steps
from store.database.schema import rounds as rounds_table
from store.errors import TooManyTriesError
from store.round_states import FINISHED, MAX_TRIES, MAX_TRIES_IN_ALL, check_transition
from store.rounds.log import REPEAT_STEP, add_step, forget_try
from store.rounds.records import Round, find_round

_MAX_REASON = 2000


def begin(connection: Connection, round_id: int, fencing: int) -> Round:
    """Start or repeat a round, or end it if it must not run again; look at the state returned.

    Returns:
        The round: `preparing`, on its next try; `cancelled`, if a person asked for that; or `failed`, if it
        was tried as often as it may be. That is 3 times under one lease, where the round itself crashes, or
        10 times in all, where most tries ended together with their learner, or had to begin anew.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        IllegalTransitionError: The round has ended, or waits for labels or approval.
    """
    current = find_round(connection, round_id)
    if current.cancel_requested:
        advance(connection, round_id, "cancelled", fencing=fencing, reason="Cancelled by a person.")
    elif not current.is_finished and (reason := _why_no_more(connection, current, fencing)) is not None:
        advance(connection, round_id, "failed", fencing=fencing, reason=reason)
    else:
        advance(connection, round_id, "preparing", fencing=fencing)
    return find_round(connection, round_id)


def advance(
    connection: Connection,
    round_id: int,
    state: str,
    *,
    fencing: int | None,
    reason: str | None = None,
    candidate: str | None = None,
    verdict: Mapping[str, Any] | None = None,
    curves: Any | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Move a round to `state` and write the step down; what is None keeps its value.

    Entering `preparing` counts a try, records the present production as the champion, and drops the
    attempts and samples of an earlier try.

    Raises:
        FencedError: The lease is no longer that of `fencing` (None: a person acts).
        UnknownRoundError: There is no such round.
        IllegalTransitionError: The round can't go from where it is to `state`.
        TooManyTriesError: It was tried as often as it may be.
    """
    if fencing is not None:
        leases.check(connection, fencing)
    current = find_round(connection, round_id)
    check_transition(round_id, current.state, state)
    values: dict[str, Any] = {"state": state}
    if fencing is not None:
        values["fencing"] = fencing
    if state == "preparing":
        values |= _next_try(connection, current, fencing)
    if state in FINISHED:
        values["ended"] = now(connection)
    optional = {
        "reason": None if reason is None else reason[:_MAX_REASON],
        "candidate": candidate,
        "verdict": None if verdict is None else dict(verdict),
        "curves": curves,
    }
    values |= {name: value for name, value in optional.items() if value is not None}
    connection.execute(update(rounds_table).where(rounds_table.c.id == round_id).values(**values))
    written = dict(detail or {})
    if reason is not None:
        written.setdefault("reason", reason)
    add_step(connection, round_id, state, written, fencing)


def note_verdict(
    connection: Connection, round_id: int, verdict: Mapping[str, Any], reason: str, fencing: int
) -> None:
    """Store the verdict of a round that waits, as it is with the labels that came.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    leases.check(connection, fencing)
    values = {"verdict": dict(verdict), "reason": reason[:_MAX_REASON]}
    connection.execute(update(rounds_table).where(rounds_table.c.id == round_id).values(**values))


def _next_try(connection: Connection, current: Round, fencing: int | None) -> dict[str, Any]:
    reason = _why_no_more(connection, current, fencing)
    if reason is not None:
        raise TooManyTriesError(f"Round {current.id} may not be tried again: {reason} Move it to failed.")
    forget_try(connection, current.id)
    champion = registry.production(connection)
    return {
        "num_tries": current.num_tries + 1,
        "started": current.started or now(connection),
        "production": None if champion is None else champion.version,
        "verdict": None,
        "curves": None,
    }


def _why_no_more(connection: Connection, current: Round, fencing: int | None) -> str | None:
    """Return why a round may not be tried again, None where it may."""
    if _num_crashes(connection, current.id, fencing) >= MAX_TRIES:
        return f"It crashed {MAX_TRIES} times; the learner's log says why."
    if current.num_tries >= MAX_TRIES_IN_ALL:
        return (
            f"It was begun {current.num_tries} times and never came to an end; its steps say which had to "
            "begin anew. Where learners died: does the machine run out of memory? Its log names the dead."
        )
    return None


def _num_crashes(connection: Connection, round_id: int, fencing: int | None) -> int:
    """Return how often a round was begun under a lease, less the tries that ended without a crash."""
    query = (
        select(round_steps.c.step, func.count())
        .where(
            round_steps.c.round_id == round_id,
            round_steps.c.step.in_(("preparing", REPEAT_STEP)),
            round_steps.c.fencing == fencing,
        )
        .group_by(round_steps.c.step)
    )
    counts = {step: int(num) for step, num in connection.execute(query)}
    return counts.get("preparing", 0) - counts.get(REPEAT_STEP, 0)
