"""The figures of `/metrics` that the store holds, read when Prometheus asks for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from monitoring.accuracy import SliceAccuracy
from monitoring.alarms import alarm_metrics
from monitoring.drift.measurement import METRIC as DRIFT_METRIC
from monitoring.forgetting import Lost, forgetting_matrix
from monitoring.watches import watch_metrics
from store import learning_state, leases, measurements, registry
from store.alarms import AlarmKind, num_alarms_open, num_alarms_raised
from store.database.database import Database, now
from store.errors import DatabaseUnavailableError
from store.evidence.questions import num_open
from store.evidence.watches import Watch, last_watches, num_watches_by_state
from store.measurements import Measurement
from store.notifications import num_undelivered
from store.predictions import predictions
from store.round_states import FINISHED, UNFINISHED, WAITING
from store.rounds.records import current_round
from store.rounds.totals import last_round_ended, last_step, num_rejected_in_a_row, num_rounds_by_outcome
from store.samples.pending import num_pending
from store.version_history import num_roll_backs
from store.versions import Version
from store.workers import Worker, read_workers

MAX_SLICES = 20
IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scrape read, in one short transaction."""

    num_pending: int
    num_questions: int
    num_predictions_last_day: int
    round_state: str
    num_rounds: dict[str, int]
    last_round_ended: datetime | None
    last_step: datetime | None
    num_rejected_in_a_row: int
    lease_remaining_seconds: float | None
    is_paused: bool
    production_number: int | None
    workers: list[Worker]
    accuracies: list[SliceAccuracy]
    forgotten: dict[str, Lost]
    drift: Measurement | None
    watch: Watch | None
    num_watches: dict[str, int]
    num_roll_backs: int
    num_undelivered: int
    num_alarms_open: dict[AlarmKind, int]
    num_alarms_raised: dict[AlarmKind, int]


class StoreCollector(Collector):
    """Reads the store at each scrape; `perennial_store_up` is 0, and the rest missing, when it can't."""

    def __init__(self, database: Database, threshold: int) -> None:
        """`threshold` is the number of pending samples that starts a round."""
        self._database = database
        self._threshold = threshold

    def describe(self) -> Iterable[Metric]:
        """Return nothing: at registration the database is left alone."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of one read transaction."""
        try:
            with self._database.read() as connection:
                figures = read_figures(connection)
        except DatabaseUnavailableError:
            yield _gauge("store_up", "Whether the database could be read for this scrape.", 0)
            return
        yield _gauge("store_up", "Whether the database could be read for this scrape.", 1)
        yield _gauge("round_threshold_samples", "Pending samples that start a round.", self._threshold)
        yield from _learning(figures)
        yield from _serving(figures)
        yield from quality_metrics(figures)
        yield from watch_metrics(figures.watch, figures.num_watches, figures.num_roll_backs)
        yield from alarm_metrics(figures.num_alarms_open, figures.num_alarms_raised)


def read_figures(connection: Connection) -> Figures:
    """Read everything that a scrape shows."""
    production = registry.production(connection)
    current = current_round(connection)
    lease = leases.current_lease(connection)
    moment = now(connection)
    matrix = forgetting_matrix(connection, production.version if production else None)
    of_production = [cell for cell in matrix.cells if production and cell.version == production.version]
    return Figures(
        num_pending=num_pending(connection),
        num_questions=num_open(connection),
        num_predictions_last_day=predictions.num_predictions_since(connection, moment - timedelta(days=1)),
        round_state=current.state if current else IDLE,
        num_rounds=num_rounds_by_outcome(connection),
        last_round_ended=last_round_ended(connection),
        last_step=last_step(connection, current.id) if current and current.state not in WAITING else None,
        num_rejected_in_a_row=num_rejected_in_a_row(connection),
        lease_remaining_seconds=(lease.expires - moment).total_seconds() if lease else None,
        is_paused=learning_state.paused(connection) is not None,
        production_number=production.number if production else None,
        workers=read_workers(connection),
        accuracies=of_production[-MAX_SLICES:],
        forgotten=matrix.lost,
        drift=_drift(connection, production),
        watch=next(iter(last_watches(connection)), None),
        num_watches=num_watches_by_state(connection),
        num_roll_backs=num_roll_backs(connection),
        num_undelivered=num_undelivered(connection),
        num_alarms_open=num_alarms_open(connection),
        num_alarms_raised=num_alarms_raised(connection),
    )


def _learning(figures: Figures) -> Iterator[Metric]:
    yield _gauge("pending_samples", "New samples that production has not seen.", figures.num_pending)
    yield _gauge("open_questions", "Images whose labels are asked for in the queue.", figures.num_questions)
    state = _family("round_state", "1 for the state that the round in progress is in, or for idle.", "state")
    for name in sorted(UNFINISHED | {IDLE}):
        state.add_metric([name], float(name == figures.round_state))
    yield state
    outcomes = CounterMetricFamily("perennial_rounds", "Rounds that ended, by outcome.", labels=["outcome"])
    for name in sorted(FINISHED):
        outcomes.add_metric([name], figures.num_rounds.get(name, 0))
    yield outcomes
    if figures.last_round_ended is not None:
        yield _gauge(
            "last_round_ended_timestamp_seconds",
            "When the last round ended.",
            figures.last_round_ended.timestamp(),
        )
    yield _gauge(
        "rejected_rounds_in_a_row",
        "Rounds that were rejected, without a promoted one between or since.",
        figures.num_rejected_in_a_row,
    )
    if figures.last_step is not None:
        yield _gauge(
            "round_last_step_timestamp_seconds",
            "When the round in progress wrote its last step; missing while none runs.",
            figures.last_step.timestamp(),
        )
    if figures.lease_remaining_seconds is not None:
        yield _gauge(
            "learner_lease_remaining_seconds",
            "Seconds until the learner's lease ends; negative: no learner is at work.",
            figures.lease_remaining_seconds,
        )
    yield _gauge(
        "webhook_undelivered_messages",
        "Messages to the webhook that were sent in vain and are sent again.",
        figures.num_undelivered,
    )
    yield _gauge("learning_paused", "1 while learning is paused.", float(figures.is_paused))


def _serving(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "logged_predictions_last_day",
        "Predictions written to the log in the last 24 hours.",
        figures.num_predictions_last_day,
    )
    if figures.production_number is not None:
        yield _gauge(
            "production_version_number", "The number of the version in production.", figures.production_number
        )
    serving = _family(
        "worker_version_info",
        "1 for each worker that is alive, with what it serves.",
        "worker",
        "version",
        "device",
    )
    for worker in figures.workers:
        serving.add_metric([worker.id, worker.version or "none", worker.device], 1)
    yield serving
    errors = sum(worker.error is not None for worker in figures.workers)
    yield _gauge(
        "workers_failing", "Workers that are alive and could not load the version in production.", errors
    )


def quality_metrics(figures: Figures) -> Iterator[Metric]:
    """Yield how good production is on each slice, what it lost there, and drift."""
    accuracy = _family("accuracy_ratio", "Production's accuracy on a slice, a fraction.", "slice")
    num_samples = _family(
        "accuracy_samples", "Samples that the accuracy on a slice was measured on.", "slice"
    )
    for cell in figures.accuracies:
        accuracy.add_metric([cell.slice], cell.accuracy)
        num_samples.add_metric([cell.slice], cell.num_samples)
    yield accuracy
    yield num_samples
    forgotten = _family(
        "forgotten_ratio", "Accuracy that production lost on a slice since its best ancestor.", "slice"
    )
    low = _family(
        "forgotten_low_ratio", "Lower end of the 95 % interval of perennial_forgotten_ratio.", "slice"
    )
    for cell in figures.accuracies:
        lost = figures.forgotten.get(cell.slice)
        if lost is not None:
            forgotten.add_metric([cell.slice], lost.accuracy)
        if lost is not None and lost.low is not None:
            low.add_metric([cell.slice], lost.low)
    yield forgotten
    yield low
    if figures.drift is not None:
        yield _gauge("drift_mmd", "Unbiased MMD² of the last window to the reference.", figures.drift.value)
        yield _gauge(
            "drift_mmd_null",
            "What drift_mmd stays under in 95 % of windows without drift.",
            float(figures.drift.detail.get("null_95", 0.0)),
        )


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"perennial_{name}", help_text, value=value)


def _family(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"perennial_{name}", help_text, labels=labels)


def _drift(connection: Connection, production: Version | None) -> Measurement | None:
    if production is None:
        return None
    return measurements.latest(connection, DRIFT_METRIC, version=production.version)
