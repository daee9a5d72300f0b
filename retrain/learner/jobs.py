"""What the learner does by the clock, one function a job; threads, lease and processes are elsewhere."""

import logging
from dataclasses import replace
from functools import partial
from itertools import takewhile

from sqlalchemy import Connection

from monitoring.drift.measurement import METRIC as DRIFT_METRIC
from monitoring.drift.measurement import DriftSettings, measure_drift
from monitoring.errors import EmbeddingMismatchError, NoReferenceError
from retrain.learner import triggers
from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.forecast import forecast, replace_trial, waiting_trial
from retrain.learner.settings import LearnerSettings
from retrain.learner.triggers import EndedRound, TriggerSettings
from store import learning_state, registry, workers
from store.blobs.blob_store import BlobStore
from store.classes.deciding import accept_due
from store.classes.learning import num_to_learn
from store.classes.unknown_labels import num_waiting
from store.cleanup import collect_blobs, delete_blobs, expire
from store.database.database import now
from store.notifications import forget_sent
from store.rounds import rounds
from store.rounds.log import num_recorded
from store.rounds.records import current_round, read_rounds
from store.samples.pending import PendingCounts, count_pending, num_pending, recount_pending
from store.thinning import thin

log = logging.getLogger(__name__)

SCHEDULER = "scheduler"
_NUM_ROUNDS = 50


def request_due_round(database: FencedDatabase, settings: TriggerSettings) -> str | None:
    """Ask for a round where one is due; return why, None where none is.

    What the next round waits for besides the threshold is written down for people.
    """
    with database.read() as connection:
        obstacle = _obstacle(connection, settings)
        is_known = obstacle == learning_state.obstacle(connection)
        if is_known and due_reason(connection, settings) is None:
            return None

    def work(connection: Connection) -> str | None:
        learning_state.note_obstacle(connection, obstacle)
        reason = due_reason(connection, settings)
        if reason is not None:
            replace_trial(connection, database.fencing)
            rounds.request_round(connection, SCHEDULER, reason)
        return reason

    reason = database.write(work)
    if reason is not None:
        log.info("a round is due: %s", reason)
    return reason


def accept_new_classes(database: FencedDatabase) -> list[str]:
    """Accept the labels that are due and of which nobody said anything; return them."""
    with database.read() as connection:
        if not num_waiting(connection):
            return []
    accepted = database.write(accept_due)
    for name in accepted:
        log.info("the label %r is accepted as a new class", name)
    return accepted


def due_reason(connection: Connection, settings: TriggerSettings) -> str | None:
    """Return why a round is due now; None while one is unfinished, learning is paused, or it isn't time."""
    champion = registry.production(connection)
    if learning_state.paused(connection) is not None or champion is None:
        return None
    if num_pending(connection) == 0 and num_to_learn(connection)[0] == 0:
        return None
    trial = waiting_trial(connection)
    if trial is None and current_round(connection) is not None:
        return None
    return triggers.due_reason(
        _count(connection),
        _history(connection, champion.version),
        forecast(connection),
        trial,
        now(connection),
        settings,
    )


def _obstacle(connection: Connection, settings: TriggerSettings) -> str | None:
    champion = registry.production(connection)
    if champion is None:
        return None
    return triggers.obstacle(
        _count(connection),
        _history(connection, champion.version),
        forecast(connection),
        settings,
    )


def watch_drift(database: FencedDatabase, blobs: BlobStore, settings: DriftSettings) -> str | None:
    """Measure drift once; return why it can't be measured, None where it can."""
    try:
        measure_drift(database, blobs, settings)
    except (NoReferenceError, EmbeddingMismatchError) as error:
        return str(error)
    return None


def clean_up(database: FencedDatabase, blobs: BlobStore, settings: LearnerSettings) -> None:
    """Delete what is over the limits: predictions, versions, unused bytes, old drift, workers that ended.

    Pending samples are counted anew, so that a number that was changed by hand doesn't stay wrong.
    """
    num_expired = expire(database, blobs, settings.retention)
    dropped = database.write(partial(registry.drop_old_versions, keep=settings.keep_versions))
    deleted = delete_blobs(database, blobs, dropped)
    collected = collect_blobs(database, blobs)
    while database.write(partial(thin, metric=DRIFT_METRIC)):
        pass
    num_workers = database.write(
        partial(workers.forget_old, older_than_seconds=settings.forget_workers_seconds)
    )
    database.write(recount_pending)
    database.write(forget_sent)
    log.info(
        "cleaned up: %d predictions, %d files of versions, %d unused blobs and %d workers went",
        num_expired,
        len(deleted),
        len(collected),
        num_workers,
    )


def _count(connection: Connection) -> PendingCounts:
    """Count the samples that a round would take: pending ones, and those of accepted classes."""
    pending = count_pending(connection)
    num, num_held_out = num_to_learn(connection)
    return replace(
        pending,
        num_samples=pending.num_samples + num,
        num_holdout=pending.num_holdout + num_held_out,
    )


def _history(connection: Connection, champion: str) -> list[EndedRound]:
    """Return the ended rounds that tried to better this champion, newest first.

    What rounds learnt of another champion doesn't apply to this one.
    """
    newest = read_rounds(connection, limit=_NUM_ROUNDS)
    tried = list(takewhile(lambda each: each.production in (None, champion), newest))
    num_by_role = num_recorded(connection, [each.id for each in tried])
    return [
        EndedRound(
            state=each.state,
            num_samples=sum(num for role, num in num_by_role[each.id].items() if role != "replay"),
            ended=each.ended,
        )
        for each in tried
        if each.ended is not None
    ]
