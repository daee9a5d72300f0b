"""Requests, promotes, approves and cancels rounds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from store.evidence.held_out import still_held_out
from store.evidence.pools import evidence_samples, release_pool
from store.evidence.questions import TRIAL, ask
from store.evidence.returning import present, return_to_training, returnable
from store.evidence.trials import begin_trial, end_trial
from store.round_states import RUNNING, WAITING, check_transition
from store.rounds.log import (
    CLASS_HOLDOUT,
    add_step,
    recorded_samples,
)
from store.rounds.progress import advance
from store.rounds.records import Round, current_round, find_round
from store.slices import add_slice, round_slice
from store.versions import NewVersion, Version, add_holdout, add_version, find_version

_MAX_TRIGGER = 1000
_LEARNER = "learner"
_REMEDIES = {
    "awaiting_approval": "Approve or cancel it",
    "awaiting_labels": "Answer its questions, or approve or cancel it",
}

SeenSamples = Sequence[tuple[int, str, int | None]]


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
        remedy = _REMEDIES.get(unfinished.state, "Wait, or cancel it")
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


@dataclass(frozen=True, slots=True)
class JudgedRound:
    """A round whose candidate was judged and whose pool is stored, with what the end of it writes.

    Attributes:
        round_id: Its number.
        new: The candidate; its parent is the champion that it was judged against.
        seen: (sample id, role, label revision) of what it learnt from.
        verdict: The gate's, as JSON.
        reason: The verdict in a sentence.
        fencing: The learner's number.
    """

    round_id: int
    new: NewVersion
    seen: SeenSamples
    verdict: Mapping[str, Any]
    reason: str
    fencing: int


def promote_round(connection: Connection, judged: JudgedRound) -> registry.Move:
    """End a round that passed: version, alias, slice and state change in this one transaction.

    Production has to be the parent of the candidate still. The samples that the round was judged on become
    the slice `round-ID`.

    Raises:
        FencedError: The lease is no longer the learner's.
        ChampionChangedError: A person promoted or rolled back since; nothing is written.
        IllegalTransitionError: The round is not evaluating.
    """
    version = _advance_with_candidate(connection, judged, "promoted")
    return _promote(
        connection, judged.round_id, version, reason=judged.reason, actor=_LEARNER, fencing=judged.fencing
    )


def await_approval(connection: Connection, judged: JudgedRound) -> Version:
    """Add the version of a round that passed, and let the round wait for a person's approval.

    Raises:
        FencedError: The lease is no longer the learner's.
        IllegalTransitionError: The round is not evaluating.
    """
    return find_version(connection, _advance_with_candidate(connection, judged, "awaiting_approval"))


def await_labels(
    connection: Connection, judged: JudgedRound, questions: Sequence[str], ends: datetime
) -> Version:
    """Add the version of a round that labels may decide, and ask for them.

    Args:
        connection: Of a write.
        judged: The round.
        questions: SHA-256s of the images whose labels are wanted.
        ends: When the round ends without them.

    Raises:
        FencedError: The lease is no longer the learner's.
        IllegalTransitionError: The round is not evaluating.
    """
    version = _advance_with_candidate(connection, judged, "awaiting_labels")
    begin_trial(connection, judged.round_id, len(questions), ends)
    ask(connection, questions, TRIAL)
    return find_version(connection, version)


def promote_waiting(
    connection: Connection, round_id: int, verdict: Mapping[str, Any], reason: str, fencing: int
) -> registry.Move:
    """Promote the candidate of a round whose labels proved it better.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        ChampionChangedError: Production is no longer what the candidate was judged against.
        IllegalTransitionError: The round doesn't wait for labels.
    """
    current = find_round(connection, round_id)
    advance(connection, round_id, "promoted", fencing=fencing, reason=reason, verdict=verdict)
    return _promote(
        connection, round_id, str(current.candidate), reason=reason, actor=_LEARNER, fencing=fencing
    )


def close_judged(
    connection: Connection,
    round_id: int,
    state: str,
    *,
    reason: str,
    fencing: int | None,
    verdict: Mapping[str, Any] | None = None,
    by: str | None = None,
) -> None:
    """End a judged round without a promotion: what it was judged on judges no other, and may be learnt.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        IllegalTransitionError: The round can't become `state`.
    """
    detail = None if by is None else {"by": by}
    advance(connection, round_id, state, fencing=fencing, reason=reason, verdict=verdict, detail=detail)
    _release(connection, round_id, kept=())


def approve(connection: Connection, round_id: int, by: str) -> Round:
    """Promote the candidate of a round that waits for a person.

    Raises:
        UnknownRoundError: There is no such round.
        IllegalTransitionError: It waits neither for approval nor for labels.
        ChampionChangedError: Production is no longer what the candidate was judged against.
    """
    current = find_round(connection, round_id)
    if current.state not in WAITING or current.candidate is None:
        raise IllegalTransitionError(
            f"Expected a round that waits for a person, found round {round_id}, which is {current.state}. "
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
        reason = f"Cancelled by {by}."
        close_judged(connection, round_id, "cancelled", reason=reason, fencing=None, by=by)
    return find_round(connection, round_id)


def _advance_with_candidate(connection: Connection, judged: JudgedRound, state: str) -> str:
    """Add the candidate as a version, move its round to `state`, and return the version's name."""
    leases.check(connection, judged.fencing)
    round_id, new = judged.round_id, judged.new
    if new.parent is None or new.round_id != round_id:
        raise ChampionChangedError(
            f"Expected a candidate of round {round_id} whose parent is the champion it was judged against; "
            f"found parent {new.parent} and round {new.round_id}. Fill in both."
        )
    version = add_version(connection, new, judged.seen).version
    advance(
        connection,
        round_id,
        state,
        fencing=judged.fencing,
        reason=judged.reason,
        candidate=version,
        verdict=judged.verdict,
    )
    return version


def _promote(
    connection: Connection, round_id: int, version: str, *, reason: str, actor: str, fencing: int | None
) -> registry.Move:
    candidate = find_version(connection, version)
    evidence = evidence_samples(connection, round_id)
    of_classes = [
        sample_id for sample_id, role, _ in recorded_samples(connection, round_id) if role == CLASS_HOLDOUT
    ]
    evidence = sorted({*evidence, *present(connection, of_classes)})
    # Before the alias moves: what the version saw is no longer pending then.
    add_holdout(connection, version, evidence)
    move = registry.promote(
        connection, version, reason=reason, actor=actor, expected=candidate.parent, fencing=fencing
    )
    if evidence:
        add_slice(connection, round_slice(round_id), candidate.lineage, round_id, evidence)
    _release(connection, round_id, kept=evidence)
    return move


def _release(connection: Connection, round_id: int, kept: Collection[int]) -> None:
    """Let the held-out samples of a round be learnt, but for those that become its slice."""
    end_trial(connection, round_id)
    release_pool(connection, round_id)
    recorded = [
        sample_id for sample_id, role, _ in recorded_samples(connection, round_id) if role == "holdout"
    ]
    # What the pool had no room for judges a later round, labelled or not: labels must not choose.
    ending = {*recorded, *evidence_samples(connection, round_id)}.difference(
        kept, still_held_out(connection, recorded)
    )
    if ending:
        clusters = returnable(connection, ending)
        return_to_training(connection, [sample.id for cluster in clusters for sample in cluster])
