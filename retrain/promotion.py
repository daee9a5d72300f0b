"""Stores a candidate that passed as a version, and moves production to it, in one transaction."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from retrain.errors import SampleDeletedError
from retrain.evaluation import NEW
from retrain.gate.verdict import Verdict
from retrain.journal import Journal
from store import measurements, registry
from store.errors import ChampionChangedError
from store.measurements import Measurement
from store.rounds import rounds
from store.samples import samples
from store.slices import round_slice
from store.state import State
from store.versions import NewVersion, Version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PassedCandidate:
    """A candidate that passed the gate, with all that is stored about it.

    Attributes:
        champion: The version that it was judged against.
        files: The artifact and its curves by name.
        roles: (sample id, role, label revision) of what it saw.
        accuracy: Slice → (champion's, candidate's, number of samples).
        verdict: The gate's.
        metrics: What is shown of the version.
    """

    champion: Version
    files: Mapping[str, bytes]
    roles: Sequence[tuple[int, str, int | None]]
    accuracy: Mapping[str, tuple[float, float, int]]
    verdict: Verdict
    metrics: Mapping[str, Any]


def store_candidate(
    state: State, candidate: PassedCandidate, journal: Journal, *, needs_approval: bool
) -> str:
    """Store the candidate as a version and move production to it, or leave the move to a person.

    Args:
        journal: Of the round; gives the number and the fencing that the transaction carries.
        needs_approval: Whether a person is to approve.

    Returns:
        The version's name.

    Raises:
        ChampionChangedError: Production is no longer the version that was judged; nothing was written.
        FencedError: The lease went to another learner; nothing was written.
        SampleDeletedError: A sample of the round is gone; nothing was written.
    """
    # Bytes first: a row never names a blob that isn't there.
    files = {name: state.blobs.put(content) for name, content in candidate.files.items()}
    round_id, fencing = journal.round_id, journal.fencing
    new = NewVersion(
        class_names=candidate.champion.class_names,
        files=files,
        metrics=candidate.metrics,
        parent=candidate.champion.version,
        round_id=round_id,
        margin=candidate.champion.margin,
    )
    verdict, sentence = candidate.verdict.to_json(), candidate.verdict.sentence

    def work(connection: Connection) -> str:
        # A clean-up that was under way may have deleted bytes that an earlier, rejected try had put.
        state.blobs.ensure({files[name]: content for name, content in candidate.files.items()})
        refuse_deleted(connection, [sample_id for sample_id, _, _ in candidate.roles], round_id)
        _refuse_changed_champion(connection, candidate.champion)
        if needs_approval:
            name = rounds.await_approval(
                connection, round_id, new, candidate.roles, verdict=verdict, reason=sentence, fencing=fencing
            ).version
        else:
            name = rounds.promote_round(
                connection, round_id, new, candidate.roles, verdict=verdict, reason=sentence, fencing=fencing
            ).to_version
        _record_accuracies(connection, candidate, name, journal)
        return name

    name = state.database.write(work)
    log.info("round %d: %s %s", round_id, name, "awaits approval" if needs_approval else "is production")
    return name


def refuse_deleted(connection: Connection, ids: Sequence[int], round_id: int) -> None:
    """Refuse to go on with a round some of whose samples are gone.

    Raises:
        SampleDeletedError: They are.
    """
    num_deleted = len(ids) - len(samples.samples_by_id(connection, ids))
    if num_deleted:
        raise SampleDeletedError(
            f"{num_deleted} samples of round {round_id} were deleted while it ran. "
            "It is repeated without them."
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
    connection: Connection, candidate: PassedCandidate, name: str, journal: Journal
) -> None:
    for part, (champion_accuracy, accuracy, num_samples) in candidate.accuracy.items():
        is_new = part == NEW
        # On old slices the champion was measured when they were made, or when it was promoted.
        values = {name: accuracy} | ({candidate.champion.version: champion_accuracy} if is_new else {})
        for version, value in values.items():
            measurement = Measurement(
                metric="accuracy",
                version=version,
                slice=round_slice(journal.round_id) if is_new else part,
                round_id=journal.round_id,
                value=value,
                num_samples=num_samples,
            )
            measurements.record(connection, measurement, fencing=journal.fencing)
