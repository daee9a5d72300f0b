"""A candidate that passed becomes a version, and production, in one transaction or not at all."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from retrain.errors import SampleDeletedError
from retrain.evaluation import NEW
from retrain.gate import Verdict
from retrain.journal import Journal
from store import measurements, registry, rounds, samples
from store.blobs import BlobStore
from store.database import Database
from store.errors import ChampionChangedError
from store.measurements import Measurement
from store.registry import NewVersion, Version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate that passed the gate, with all that is stored about it.

    Attributes:
        champion: The version that it was judged against.
        files: The artifact and its curves by name.
        taken: (sample id, role, label revision) of what it saw.
        accuracy: Slice → (champion's, candidate's, number of samples).
        verdict: The gate's.
        margin: Loss on old that counts as none, for the version's successors too.
    """

    champion: Version
    files: Mapping[str, bytes]
    taken: Sequence[tuple[int, str, int | None]]
    accuracy: Mapping[str, tuple[float, float, int]]
    verdict: Verdict
    margin: float | None
    metrics: Mapping[str, Any]


def settle(
    database: Database, blobs: BlobStore, proposal: Proposal, journal: Journal, *, is_asked: bool
) -> str:
    """Store the candidate as a version and move production to it, or leave the move to a person.

    Args:
        journal: Of the round; gives the number and the fencing that the transaction carries.
        is_asked: Whether a person is to approve.

    Returns:
        The version's name.

    Raises:
        ChampionChangedError: Production is no longer the version that was judged; nothing was written.
        FencedError: The lease went to another learner; nothing was written.
        SampleDeletedError: A sample of the round is gone; nothing was written.
    """
    # Bytes first: a row never names a blob that isn't there.
    files = {name: blobs.put(content) for name, content in proposal.files.items()}
    round_id, fencing = journal.round_id, journal.fencing
    new = NewVersion(
        class_names=proposal.champion.class_names,
        files=files,
        metrics=proposal.metrics,
        parent=proposal.champion.version,
        round_id=round_id,
        margin=proposal.margin,
    )
    verdict, sentence = proposal.verdict.to_json(), proposal.verdict.sentence

    def work(connection: Connection) -> str:
        # A clean-up that was under way may have taken bytes that an earlier, rejected try had put.
        blobs.ensure({files[name]: content for name, content in proposal.files.items()})
        _refuse_deleted(connection, proposal, round_id)
        _refuse_changed_champion(connection, proposal.champion)
        if is_asked:
            name = rounds.await_approval(
                connection, round_id, new, proposal.taken, verdict=verdict, reason=sentence, fencing=fencing
            ).version
        else:
            name = rounds.promote_round(
                connection, round_id, new, proposal.taken, verdict=verdict, reason=sentence, fencing=fencing
            ).to_version
        _measure(connection, proposal, name, journal)
        return name

    name = database.write(work)
    log.info("round %d: %s %s", round_id, name, "awaits approval" if is_asked else "is production")
    return name


def slice_name(round_id: int) -> str:
    """Return the name of the slice that a promoted round's holdout becomes."""
    return f"round-{round_id}"


def _refuse_deleted(connection: Connection, proposal: Proposal, round_id: int) -> None:
    ids = [sample_id for sample_id, _, _ in proposal.taken]
    num_gone = len(ids) - len(samples.samples_by_id(connection, ids))
    if num_gone:
        raise SampleDeletedError(
            f"{num_gone} samples of round {round_id} were deleted while it ran. It is repeated without them."
        )


def _refuse_changed_champion(connection: Connection, judged: Version) -> None:
    """Refuse what no approval could promote any more; a promotion compares again when it moves the alias."""
    found = registry.production(connection)
    if found is None or found.version != judged.version:
        raise ChampionChangedError(
            f"The candidate was judged against {judged.version}, and production is "
            f"{'none' if found is None else found.version}."
        )


def _measure(connection: Connection, proposal: Proposal, candidate: str, journal: Journal) -> None:
    for name, (champion_accuracy, accuracy, num_samples) in proposal.accuracy.items():
        is_new = name == NEW
        # On old slices the champion was measured when they were made, or when it was promoted.
        values = {candidate: accuracy} | ({proposal.champion.version: champion_accuracy} if is_new else {})
        for version, value in values.items():
            measurement = Measurement(
                metric="accuracy",
                version=version,
                slice=slice_name(journal.round_id) if is_new else name,
                round_id=journal.round_id,
                value=value,
                num_samples=num_samples,
            )
            measurements.record(connection, measurement, fencing=journal.fencing)
