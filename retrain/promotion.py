"""Stores a candidate that may become production, and moves production to it where that is decided."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from retrain.errors import SampleDeletedError
from retrain.evidence.comparison import OldComparison, accuracies
from retrain.evidence.new_evaluation import NewComparison
from retrain.gate.verdict import Verdict
from retrain.journal import Journal
from store import measurements, registry
from store.database.database import now
from store.errors import ChampionChangedError
from store.evidence.answers import store_answers
from store.evidence.pools import store_pool
from store.measurements import Measurement
from store.rounds import rounds
from store.samples import samples
from store.slices import round_slice
from store.sources import num_withheld
from store.state import State
from store.versions import NewVersion, Version

log = logging.getLogger(__name__)

#: How long a round waits for labels.
TRIAL_DAYS = 14.0


@dataclass(frozen=True, slots=True)
class JudgedCandidate:
    """A candidate that passed the gate, or that labels may let pass, with all that is stored about it.

    Attributes:
        champion: The version that it was judged against.
        class_names: What it knows: the champion's classes, and new ones after them.
        files: The artifact and its curves by name.
        roles: (sample id, role, label revision) of what it learnt from, and was chosen on.
        new: On the new images.
        old: On the old ones.
        verdict: The gate's.
        metrics: What is shown of the version.
    """

    champion: Version
    class_names: tuple[str, ...]
    files: Mapping[str, bytes]
    roles: Sequence[tuple[int, str, int | None]]
    new: NewComparison
    old: OldComparison
    verdict: Verdict
    metrics: Mapping[str, Any]


def store_candidate(
    state: State, candidate: JudgedCandidate, journal: Journal, *, needs_approval: bool
) -> str:
    """Store the candidate as a version, and move production to it, or let it wait.

    Args:
        state: Where it is stored.
        candidate: What passed, or waits for labels.
        journal: Of the round; gives the number and the fencing that the transaction carries.
        needs_approval: Whether a person is to approve what passed.

    Returns:
        The version's name.

    Raises:
        ChampionChangedError: Production is no longer the version that was judged; nothing was written.
        FencedError: The lease went to another learner; nothing was written.
        SampleDeletedError: A sample of the round is gone; nothing was written.
    """
    # Bytes first: a row never names a blob that isn't there.
    files = {name: state.blobs.put(content) for name, content in candidate.files.items()}
    round_id = journal.round_id

    def work(connection: Connection) -> str:
        # A clean-up that was under way may have deleted bytes that an earlier, rejected try had put.
        state.blobs.ensure({files[name]: content for name, content in candidate.files.items()})
        refuse_deleted(connection, [sample_id for sample_id, _, _ in candidate.roles], round_id)
        _refuse_changed_champion(connection, candidate.champion)
        store_pool(connection, round_id, candidate.new.pool)
        judged = rounds.JudgedRound(
            round_id=round_id,
            new=NewVersion(
                class_names=candidate.class_names,
                files=files,
                metrics=candidate.metrics,
                parent=candidate.champion.version,
                round_id=round_id,
                margin=candidate.champion.margin,
            ),
            seen=tuple(candidate.roles),
            verdict=candidate.verdict.to_json(),
            reason=candidate.verdict.sentence,
            fencing=journal.fencing,
        )
        name = _end(connection, judged, candidate, needs_approval=needs_approval)
        # Of the new images too: where they become a slice, both versions can be compared on it.
        store_answers(connection, name, {**candidate.old.answers, **candidate.new.candidate_answers})
        store_answers(connection, candidate.champion.version, candidate.new.champion_answers)
        _record_accuracies(connection, candidate, name, journal)
        return name

    name = state.database.write(work)
    log.info("round %d: %s, %s", round_id, name, candidate.verdict.sentence)
    return name


def _end(
    connection: Connection, judged: rounds.JudgedRound, candidate: JudgedCandidate, *, needs_approval: bool
) -> str:
    if candidate.verdict.decision == "awaiting_labels":
        ends = now(connection) + timedelta(days=TRIAL_DAYS)
        return rounds.await_labels(connection, judged, candidate.new.open_questions, ends).version
    if needs_approval:
        return rounds.await_approval(connection, judged).version
    return rounds.promote_round(connection, judged).to_version


def refuse_deleted(connection: Connection, ids: Sequence[int], round_id: int) -> None:
    """Refuse to go on with a round some of whose samples are gone, or withheld.

    Raises:
        SampleDeletedError: They are.
    """
    num_deleted = len(ids) - len(samples.samples_by_id(connection, ids)) + num_withheld(connection, ids)
    if num_deleted:
        raise SampleDeletedError(
            f"{num_deleted} samples of round {round_id} were deleted, or their source was quarantined, while "
            "it ran. It is repeated without them."
        )


def _refuse_changed_champion(connection: Connection, champion: Version) -> None:
    """Refuse a candidate that no approval could promote; a promotion checks again when it moves the alias."""
    production = registry.production(connection)
    if production is None or production.version != champion.version:
        raise ChampionChangedError(
            f"The candidate was judged against {champion.version}, and production is "
            f"{'none' if production is None else production.version}."
        )


def _record_accuracies(
    connection: Connection, candidate: JudgedCandidate, name: str, journal: Journal
) -> None:
    champion = candidate.champion.version
    answered = candidate.new.evidence.answered()
    # On old slices the champion was measured when they were made, or when it was promoted.
    values = [(part, name, accuracy, num) for part, (_, accuracy, num) in candidate.old.accuracy.items()]
    if len(answered):
        before, after, num = accuracies(answered)
        part = round_slice(journal.round_id)
        values += [(part, name, after, num), (part, champion, before, num)]
    for part, version, value, num in values:
        measurement = Measurement(
            metric="accuracy",
            version=version,
            slice=part,
            round_id=journal.round_id,
            value=value,
            num_samples=num,
        )
        measurements.record(connection, measurement, fencing=journal.fencing)
