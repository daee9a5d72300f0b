"""Requests, promotes, approves and cancels rounds."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, update

from store import leases, registry
from store.database.database import now
from store.database.schema import rounds as rounds_table
from store.errors import (
    ChampionChangedError,
    IllegalTransitionError,
    RoundInProgressError,
)
from store.round_states import RUNNING, check_transition
from store.rounds.log import (
    add_step,
    recorded_samples,
)
from store.rounds.progress import advance
from store.rounds.records import Round, current_round, find_round
from store.slices import add_slice, round_slice
from store.versions import NewVersion, Version, add_version, find_version

_MAX_TRIGGER = 1000

SeenSamples = Iterable[tuple[int, str, int | None]]


def request_round(connection: Connection, by: str, trigger: str) -> Round:
    """Request a round; the learner notices and begins it.

    Args:
        by: Who asks: a key's name, or the scheduler.
        trigger: Why, for people; cut after 1,000 characters.

    Raises:
        RoundInProgressError: Another round is unfinished, one that waits for approval included.
    """
    unfinished = current_round(connection)
    if unfinished is not None:
        remedy = "Approve or cancel it" if unfinished.state == "awaiting_approval" else "Wait, or cancel it"
        raise RoundInProgressError(
            f"Expected no unfinished round, found round {unfinished.id}, which is {unfinished.state}. "
            f"{remedy}, then ask again."
        )
    round_id = connection.execute(
        insert(rounds_table)
        .values(
            state="requested",
            requested_by=by,
            trigger=trigger[:_MAX_TRIGGER],
            num_tries=0,
            cancel_requested=False,
            created=now(connection),
        )
        .returning(rounds_table.c.id)
    ).scalar_one()
    add_step(connection, round_id, "requested", {"by": by, "trigger": trigger}, None)
    return find_round(connection, round_id)


def promote_round(
    connection: Connection,
    round_id: int,
    new: NewVersion,
    seen: SeenSamples,
    *,
    verdict: Mapping[str, Any],
    reason: str,
    fencing: int,
) -> registry.Move:
    """End a round that passed: version, alias, slice and state change in this one transaction.

    Production has to be `new.parent` still, the champion that the candidate was judged against. The
    round's holdout samples become the slice `round-ID`.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        ChampionChangedError: A person promoted or rolled back since; nothing is written.
        IllegalTransitionError: The round is not evaluating.
    """
    version = _add_candidate(connection, round_id, new, seen, fencing)
    advance(
        connection, round_id, "promoted", fencing=fencing, reason=reason, candidate=version, verdict=verdict
    )
    return _promote(connection, round_id, version, reason=reason, actor="learner", fencing=fencing)


def await_approval(
    connection: Connection,
    round_id: int,
    new: NewVersion,
    seen: SeenSamples,
    *,
    verdict: Mapping[str, Any],
    reason: str,
    fencing: int,
) -> Version:
    """Add the version of a round that passed, and let the round wait for a person's approval.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        IllegalTransitionError: The round is not evaluating.
    """
    version = _add_candidate(connection, round_id, new, seen, fencing)
    advance(
        connection,
        round_id,
        "awaiting_approval",
        fencing=fencing,
        reason=reason,
        candidate=version,
        verdict=verdict,
    )
    return find_version(connection, version)


def approve(connection: Connection, round_id: int, by: str) -> Round:
    """Promote the candidate of a round that waits for a person.

    Raises:
        UnknownRoundError: There is no such round.
        IllegalTransitionError: It doesn't wait for approval.
        ChampionChangedError: Production is no longer what the candidate was judged against.
    """
    current = find_round(connection, round_id)
    if current.state != "awaiting_approval" or current.candidate is None:
        raise IllegalTransitionError(
            f"Expected a round that waits for approval, found round {round_id}, which is {current.state}. "
            "Nothing was approved."
        )
    reason = f"Approved by {by}. {current.reason or ''}".strip()
    advance(connection, round_id, "promoted", fencing=None, reason=reason, detail={"by": by})
    _promote(connection, round_id, current.candidate, reason=reason, actor=by, fencing=None)
    return find_round(connection, round_id)


def cancel(connection: Connection, round_id: int, by: str) -> Round:
    """Cancel a round: at once if it is not running, else by asking it to end itself soon.

    Raises:
        UnknownRoundError: There is no such round.
        IllegalTransitionError: It has ended.
    """
    current = find_round(connection, round_id)
    check_transition(round_id, current.state, "cancelled")
    if current.state in RUNNING:
        if not current.cancel_requested:
            connection.execute(
                update(rounds_table).where(rounds_table.c.id == round_id).values(cancel_requested=True)
            )
            add_step(connection, round_id, "cancel_requested", {"by": by}, None)
    else:
        advance(
            connection,
            round_id,
            "cancelled",
            fencing=None,
            reason=f"Cancelled by {by}.",
            detail={"by": by},
        )
    return find_round(connection, round_id)


def _add_candidate(
    connection: Connection, round_id: int, new: NewVersion, seen: SeenSamples, fencing: int
) -> str:
    leases.check(connection, fencing)
    if new.parent is None or new.round_id != round_id:
        raise ChampionChangedError(
            f"Expected a candidate of round {round_id} whose parent is the champion it was judged against; "
            f"found parent {new.parent} and round {new.round_id}. Fill in both."
        )
    return add_version(connection, new, seen).version


def _promote(
    connection: Connection, round_id: int, version: str, *, reason: str, actor: str, fencing: int | None
) -> registry.Move:
    candidate = find_version(connection, version)
    move = registry.promote(
        connection, version, reason=reason, actor=actor, expected=candidate.parent, fencing=fencing
    )
    holdout = [
        sample_id for sample_id, role, _ in recorded_samples(connection, round_id) if role == "holdout"
    ]
    if holdout:
        add_slice(connection, round_slice(round_id), candidate.lineage, round_id, holdout)
    return move
