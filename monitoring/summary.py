"""The system's state as plain dicts in the API's shapes: for the API, the command line and the dashboard."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from monitoring.drift import METRIC as DRIFT_METRIC
from monitoring.drift import REFERENCE_FILE
from monitoring.forgetting import forgetting_matrix
from store import leases, measurements, predictions, registry, samples, schema, workers
from store import rounds as round_store
from store.database import now
from store.measurements import Measurement
from store.registry import Version
from store.rounds import Round

Json = dict[str, Any]


def status(connection: Connection, threshold: int) -> Json:
    """Return what serves, what waits and who works; `threshold` is the pending samples that start a round."""
    production = registry.production(connection)
    alive = workers.workers(connection)
    current = round_store.current_round(connection)
    return {
        "production": production.version if production else None,
        "is_starter": production is not None and production.is_starter,
        # What a starter is made of: ImageNet's classes, or those of a bundled classifier.
        "description": production.metrics.get("description") if production else None,
        "device": alive[0].device if alive else None,
        "classes": list(production.class_names) if production else [],
        "num_pending": samples.num_pending(connection),
        "threshold": threshold,
        "round": _progress(connection, current) if current else None,
        "workers": [
            {"id": beat.id, "version": beat.version, "since": _time(beat.since), "error": beat.error}
            for beat in alive
        ],
        "paused": registry.paused(connection),
        "learner": _learner(connection),
        "num_audits_waiting": predictions.num_audits_to_label(connection),
    }


def models(connection: Connection, limit: int = 50, before: int | None = None) -> Json:
    """Return the versions, newest first; `before` is a version's number."""
    production = registry.production(connection)
    found = registry.versions(connection, limit=limit, before=before)
    promotions = _promotions(connection, [version.version for version in found])
    name = production.version if production else None
    return {"models": [_model(version, name, promotions.get(version.version)) for version in found]}


def model(connection: Connection, version: str) -> Json:
    """Return one version with its classes and files.

    Raises:
        UnknownVersionError: There is none of that name.
    """
    found = registry.find_version(connection, version)
    production = registry.production(connection)
    promotion = _promotions(connection, [version]).get(version)
    shown = _model(found, production.version if production else None, promotion)
    return shown | {"classes": list(found.class_names), "files": dict(found.files)}


def rounds(connection: Connection, limit: int = 50, before: int | None = None) -> Json:
    """Return the rounds, newest first; `before` is a round's id."""
    return {"rounds": [_round(found) for found in round_store.rounds(connection, limit=limit, before=before)]}


def round_detail(connection: Connection, round_id: int) -> Json:
    """Return one round with its steps, attempts, curves and verdict.

    Raises:
        UnknownRoundError: There is none of that id.
    """
    found = round_store.find_round(connection, round_id)
    return _round(found) | {
        "verdict": found.verdict,
        "curves": found.curves,
        "steps": [
            {"step": step.step, "detail": step.detail, "created": _time(step.created)}
            for step in round_store.steps(connection, round_id)
        ],
        "attempts": [
            {
                "attempt": attempt.attempt,
                "cure": attempt.cure,
                "verdict": attempt.verdict,
                "created": _time(attempt.created),
            }
            for attempt in round_store.attempts(connection, round_id)
        ],
        "num_samples": round_store.num_taken(connection, [round_id])[round_id],
    }


def drift(connection: Connection, limit: int = 500) -> Json:
    """Return the drift measurements, newest first: MMD² beside the 95 % quantile of what chance gives."""
    production = registry.production(connection)
    points = measurements.series(connection, DRIFT_METRIC, limit=limit)
    return {
        "production": production.version if production else None,
        "statistic": "unbiased MMD², RBF kernel, median heuristic",
        "has_reference": production is not None and REFERENCE_FILE in production.files,
        "points": [_drift_point(point) for point in points],
    }


def forgetting(connection: Connection) -> Json:
    """Return the accuracy of every version on every slice, oldest first, and what production forgot."""
    production = registry.production(connection)
    name = production.version if production else None
    matrix = forgetting_matrix(connection, name)
    return {
        "production": name,
        "versions": list(matrix.versions),
        "slices": list(matrix.slices),
        "cells": [asdict(cell) for cell in matrix.cells],
        "forgotten": matrix.forgotten,
    }


def audits(connection: Connection, limit: int = 24) -> Json:
    """Return predictions drawn for audit that still want a label, and how many there are."""
    waiting = predictions.audits_to_label(connection, limit)
    return {
        "audits": [
            {
                "prediction_id": row.id,
                "label": row.label,
                "confidence": row.confidence,
                "version": row.version,
                "created": _time(row.created),
            }
            for row in waiting
        ],
        "num_waiting": predictions.num_audits_to_label(connection),
    }


def _learner(connection: Connection) -> Json:
    lease = leases.current_lease(connection)
    is_alive = lease is not None and lease.expires > now(connection)
    return {"is_alive": is_alive, "holder": lease.holder if lease else None}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _progress(connection: Connection, current: Round) -> Json:
    steps = round_store.steps(connection, current.id)
    last = steps[-1] if steps else None
    return {
        "id": current.id,
        "state": current.state,
        "step": last.step if last else None,
        "detail": last.detail if last else None,
        "started": _time(current.started),
    }


def _round(found: Round) -> Json:
    verdict = found.verdict or {}
    return {
        "id": found.id,
        "state": found.state,
        "candidate": found.candidate,
        "production": found.production,
        "reason": found.reason,
        "sentence": verdict.get("sentence"),
        "trigger": found.trigger,
        "requested_by": found.requested_by,
        "cancel_requested": found.cancel_requested,
        "created": _time(found.created),
        "started": _time(found.started),
        "ended": _time(found.ended),
    }


def _model(version: Version, production: str | None, promotion: Json | None) -> Json:
    return {
        "version": version.version,
        "number": version.number,
        "is_production": version.version == production,
        "is_starter": version.is_starter,
        "parent": version.parent,
        "lineage": version.lineage,
        "round_id": version.round_id,
        "created": _time(version.created),
        "num_classes": len(version.class_names),
        "metrics": version.metrics,
        "margin": version.margin,
        "is_retired": version.is_retired,
        "num_deleted_samples": version.num_deleted_samples,
        "promotion": promotion,
    }


def _promotions(connection: Connection, versions: Sequence[str]) -> dict[str, Json]:
    """Return the last move of the alias to each of the versions: when, by whom and why."""
    moves = schema.alias_moves
    rows = connection.execute(
        select(moves)
        .where(moves.c.name == "production", moves.c.to_version.in_(versions))
        .order_by(moves.c.id)
    )
    return {
        row.to_version: {"reason": row.reason, "actor": row.actor, "created": _time(row.created)}
        for row in rows
    }


def _drift_point(point: Measurement) -> Json:
    return {
        "created": _time(point.created),
        "version": point.version,
        "mmd": point.value,
        "null_95": point.detail.get("null_95"),
        "num_samples": point.num_samples,
        "first": point.detail.get("first"),
        "last": point.detail.get("last"),
    }
