"""What a reader is answered about the system's state, read in one transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from sqlalchemy import Connection

from monitoring.answers.models import Model, ModelDetail, ModelList, Promotion
from monitoring.answers.quality import Drift, DriftPoint, Forgetting, LostInterval
from monitoring.answers.rounds import Curves, RoundDetail, RoundList, RoundSummary
from monitoring.answers.status import (
    Learner,
    Pause,
    RoundProgress,
    ServingWorker,
    Status,
    Training,
    TrialProgress,
)
from monitoring.watches import describe
from store import learning_state, leases, measurements, registry
from store.alarms import num_alarms_open
from store.classes.unknown_labels import num_waiting
from store.database.database import now
from store.evidence.disputes import num_disputes
from store.evidence.questions import num_open
from store.evidence.trials import current_trial
from store.evidence.watches import Watch, last_watches, watches_of
from store.measurements import Measurement
from store.registry import Move
from store.rounds.log import Step, num_recorded, read_attempts, read_steps
from store.rounds.records import Round, current_round, find_round, read_rounds
from store.rounds.training_progress import training_progress
from store.samples.pending import num_pending, num_set_aside
from store.sources import learnt_from_quarantined
from store.version_history import last_promotions
from store.versions import CURVES, Version, find_version, read_versions
from store.workers import read_workers
from vision.training.diagnosis import ADVICE


def status(connection: Connection, threshold: int) -> Status:
    """Return what serves, what waits and who works; `threshold` is the pending samples that start a round."""
    production = registry.production(connection)
    workers = read_workers(connection)
    current = current_round(connection)
    pause = learning_state.paused(connection)
    set_aside = num_set_aside(connection)
    return Status(
        production=production.version if production else None,
        is_starter=production is not None and production.is_starter,
        description=production.metrics.get("description") if production else None,
        device=workers[0].device if workers else None,
        classes=list(production.class_names) if production else [],
        num_pending=num_pending(connection),
        num_conflicts=set_aside["conflict"],
        num_disputes=num_disputes(connection),
        num_quarantined=set_aside["quarantined"],
        num_unknown_labels=num_waiting(connection) if set_aside["quarantined"] else 0,
        threshold=threshold,
        waits_for=learning_state.obstacle(connection),
        round=_progress(connection, current) if current else None,
        workers=[
            ServingWorker(id=worker.id, version=worker.version, since=worker.since, error=worker.error)
            for worker in workers
        ],
        paused=Pause.model_validate(pause) if pause else None,
        learner=_learner(connection),
        num_alarms=sum(num_alarms_open(connection).values()),
        num_questions=num_open(connection),
        trial=_trial(connection),
        watch=next((describe(watch) for watch in last_watches(connection)), None),
    )


def models(connection: Connection, limit: int = 50, before: int | None = None) -> ModelList:
    """Return the versions, newest first; `before` is a version's number."""
    name = _production_name(connection)
    versions = read_versions(connection, limit=limit, before=before)
    names = [version.version for version in versions]
    promotions, watches = last_promotions(connection, names), watches_of(connection, names)
    marked = learnt_from_quarantined(connection)
    return ModelList(
        models=[
            _model(
                version,
                name,
                promotions.get(version.version),
                watches.get(version.version),
                marked.get(version.version, []),
            )
            for version in versions
        ]
    )


def model(connection: Connection, version: str) -> ModelDetail:
    """Return one version with its classes, files and curves.

    Raises:
        UnknownVersionError: There is none of that name.
    """
    record = find_version(connection, version)
    promotion = last_promotions(connection, [version]).get(version)
    watch = watches_of(connection, [version]).get(version)
    marked = learnt_from_quarantined(connection).get(version, [])
    listed = _model(record, _production_name(connection), promotion, watch, marked)
    return ModelDetail(
        **dict(listed),
        classes=list(record.class_names),
        curves=_version_curves(connection, record),
        files=record.files,
    )


def rounds(connection: Connection, limit: int = 50, before: int | None = None) -> RoundList:
    """Return the rounds, newest first; `before` is a round's id."""
    return RoundList(
        rounds=[_round(record) for record in read_rounds(connection, limit=limit, before=before)]
    )


def round_detail(connection: Connection, round_id: int) -> RoundDetail:
    """Return one round with its steps, attempts, curves and verdict.

    Raises:
        UnknownRoundError: There is none of that id.
    """
    record = find_round(connection, round_id)
    steps = read_steps(connection, round_id)
    # Validated from plain values: verdicts and curves are as JSON gave them.
    return RoundDetail.model_validate(
        dict(_round(record))
        | {
            "verdict": record.verdict,
            "curves": _curves(record.curves or _curves_so_far(steps)),
            "steps": [{"step": step.step, "detail": step.detail, "created": step.created} for step in steps],
            "attempts": [
                asdict(attempt) | {"why": None if attempt.attempt == 1 else _cure_in_words(steps)}
                for attempt in read_attempts(connection, round_id)
            ],
            "num_samples": num_recorded(connection, [round_id])[round_id],
            "training": _training(connection, record),
        }
    )


def _cure_in_words(steps: Sequence[Step]) -> str | None:
    """Return why a round made a second candidate; None for rounds of releases that did not say so."""
    said = [step.detail.get("why") for step in steps if step.step == "cure"]
    return said[-1] if said else None


def drift(connection: Connection, limit: int = 500) -> Drift:
    """Return the drift measurements, newest first: MMD² beside the 95 % quantile of what chance gives."""
    # Only now, as below: a command that shows a row or two need not load NumPy.
    from monitoring.drift.measurement import METRIC, REFERENCE_FILE
    from monitoring.drift.schedule import next_measurement

    production = registry.production(connection)
    points = measurements.series(connection, METRIC, limit=limit)
    has_reference = production is not None and REFERENCE_FILE in production.files
    coming = next_measurement(connection, production.version) if production and has_reference else None
    return Drift(
        production=production.version if production else None,
        statistic="unbiased MMD², RBF kernel, median heuristic",
        has_reference=has_reference,
        next_by=coming.by if coming else None,
        num_missing=coming.num_missing if coming else 0,
        points=[_drift_point(point) for point in points],
    )


def forgetting(connection: Connection) -> Forgetting:
    """Return the accuracy of every version on every slice, oldest first, and what production forgot."""
    from monitoring.forgetting import forgetting_matrix

    name = _production_name(connection)
    matrix = forgetting_matrix(connection, name)
    return Forgetting(
        production=name,
        versions=list(matrix.versions),
        slices=list(matrix.slices),
        cells=list(matrix.cells),
        forgotten={slice_name: lost.accuracy for slice_name, lost in matrix.lost.items()},
        intervals={
            slice_name: LostInterval(
                since=lost.since, low=lost.low, high=lost.high, num_images=lost.num_images
            )
            for slice_name, lost in matrix.lost.items()
            if lost.low is not None and lost.high is not None
        },
        is_golden_overused=matrix.is_golden_overused,
    )


def _production_name(connection: Connection) -> str | None:
    production = registry.production(connection)
    return production.version if production else None


def _learner(connection: Connection) -> Learner:
    lease = leases.current_lease(connection)
    is_alive = lease is not None and lease.expires > now(connection)
    return Learner(is_alive=is_alive, holder=lease.holder if lease else None)


def _progress(connection: Connection, current: Round) -> RoundProgress:
    steps = read_steps(connection, current.id)
    last = steps[-1] if steps else None
    return RoundProgress(
        id=current.id,
        state=current.state,
        step=last.step if last else None,
        detail=last.detail if last else None,
        started=current.started,
        training=_training(connection, current),
    )


def _trial(connection: Connection) -> TrialProgress | None:
    trial = current_trial(connection)
    if trial is None:
        return None
    verdict = find_round(connection, trial.round_id).verdict or {}
    return TrialProgress(
        round=trial.round_id,
        asked=trial.num_asked,
        answered=trial.num_answered,
        needed=(verdict.get("labels_needed") or {}).get("wins"),
        ends=trial.ends,
    )


def _training(connection: Connection, record: Round) -> Training | None:
    progress = training_progress(connection, record.id) if record.state == "training" else None
    if progress is None:
        return None
    return Training(**{name: value for name, value in asdict(progress).items() if name != "round_id"})


def _curves_so_far(steps: list[Step]) -> dict[str, Any] | None:
    """Return the epochs of the present try; the whole curves are stored when the training is over."""
    epochs: list[dict[str, Any]] = []
    for step in steps:
        if step.step == "preparing":
            epochs = []
        elif step.step == "epoch":
            epochs.append(step.detail)
    return {"epochs": epochs} if epochs else None


def _round(record: Round) -> RoundSummary:
    verdict = record.verdict or {}
    return RoundSummary(
        id=record.id,
        state=record.state,
        candidate=record.candidate,
        production=record.production,
        reason=record.reason,
        sentence=verdict.get("sentence"),
        trigger=record.trigger,
        requested_by=record.requested_by,
        cancel_requested=record.cancel_requested,
        created=record.created,
        started=record.started,
        ended=record.ended,
    )


def _model(
    version: Version, production: str | None, promotion: Move | None, watch: Watch | None, marked: list[str]
) -> Model:
    return Model(
        version=version.version,
        number=version.number,
        is_production=version.version == production,
        is_starter=version.is_starter,
        parent=version.parent,
        lineage=version.lineage,
        round_id=version.round_id,
        created=version.created,
        num_classes=len(version.class_names),
        metrics={name: value for name, value in version.metrics.items() if name != CURVES},
        margin=version.margin,
        is_retired=version.is_retired,
        num_deleted_samples=version.num_deleted_samples,
        quarantined_sources=marked,
        promotion=_promotion(promotion) if promotion else None,
        watch=describe(watch) if watch else None,
    )


def _version_curves(connection: Connection, version: Version) -> Curves | None:
    if version.round_id is not None:
        return _curves(find_round(connection, version.round_id).curves)
    return _curves(version.metrics.get(CURVES))


def _curves(stored: dict[str, Any] | None) -> Curves | None:
    """Return curves as they are stored, with the advice that goes with their diagnosis."""
    if stored is None:
        return None
    # Another release's diagnosis may be one that this one has no advice for.
    advice = {str(name): text for name, text in ADVICE.items()}.get(stored.get("diagnosis", ""))
    return cast(Curves, stored if advice is None else {**stored, "advice": advice})


def _promotion(move: Move) -> Promotion:
    return Promotion(reason=move.reason, actor=move.actor, created=move.created)


def _drift_point(point: Measurement) -> DriftPoint:
    return DriftPoint.model_validate(
        {
            "created": point.created,
            "version": point.version,
            "mmd": point.value,
            "null_95": point.detail.get("null_95"),
            "num_samples": point.num_samples,
            "first": point.detail.get("first"),
            "last": point.detail.get("last"),
        }
    )
