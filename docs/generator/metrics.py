"""The reference of the metrics, read from what a scrape would yield."""

from collections.abc import Iterable
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import get_args
from unittest.mock import patch

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from docs.generator.tables import table
from monitoring import store_collector
from monitoring.accuracy import SliceAccuracy
from monitoring.forgetting import Lost
from monitoring.metrics import ProcessMetrics, ServiceMetrics
from store.database.database import Database
from store.evidence.watches import Watch
from store.measurements import Measurement
from store.samples.label_rules import Status
from store.workers import Worker

_INTRODUCTION = """# Metrics

`GET /metrics` answers in Prometheus' text format.

A count comes from the serving processes, is summed over them and starts at zero with the server.
A figure of the store is read from it at each scrape. It outlives a restart, and every worker gives the same.
While the database can't be read, `perennial_store_up` is 0 and the other figures of the store are missing.

The values of a label are bounded. A route is a template, never a path. A source is a key's name, and after
the fiftieth in one process `other`. Slices are the newest twenty of production's lineage. Workers are those
alive. A request that is refused before its route is looked for counts as the route `other`, except for
`/v1/predict`, `/v1/predict/batch` and `/v1/feedback`."""


def markdown() -> str:
    """Return docs/reference/metrics.md, whole."""
    lines = [_INTRODUCTION, "", "## From the serving processes", "", *_rows(_of_a_process())]
    lines += ["", "## From the store", "", *_rows(_of_the_store())]
    return "\n".join(lines) + "\n"


def _rows(families: Iterable[Metric]) -> list[str]:
    rows = []
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, _labels(family), family.documentation))
    return table(("metric", "type", "labels", "meaning"), rows)


def _labels(family: Metric) -> str:
    """Return the labels' names, with the values of one that has a few fixed ones."""
    values: dict[str, list[str]] = {}
    for sample in family.samples:
        for name, value in sample.labels.items():
            # Of a histogram's buckets.
            if name != "le" and value not in values.setdefault(name, []):
                values[name].append(value)
    return ", ".join(
        f"`{name}`" + (f" ({', '.join(given)})" if len(given) > 1 else "") for name, given in values.items()
    )


def _of_a_process() -> list[Metric]:
    registry = CollectorRegistry()
    metrics = ServiceMetrics(registry)
    for hundreds in range(2, 6):
        metrics.observe_request("/v1/predict", "POST", 100 * hundreds, 0.1)
    for status in get_args(Status):
        metrics.count_feedback("app", status)
    return list(ProcessMetrics(registry, None).collect())


def _of_the_store() -> list[Metric]:
    moment = datetime.now(UTC)
    figures = store_collector.Figures(
        num_pending=0,
        num_questions=0,
        num_predictions_last_day=0,
        round_state=store_collector.IDLE,
        num_rounds={},
        last_round_ended=moment,
        last_step=moment,
        num_rejected_in_a_row=0,
        lease_remaining_seconds=0.0,
        is_paused=False,
        production_number=1,
        workers=[Worker(id="w", version="v1", since=None, error=None, device="cpu", seen=moment)],
        accuracies=[SliceAccuracy("v1", "golden", 0.9, 0.8, 1.0, 100)],
        forgotten={"golden": Lost("v1", 0.0, 0.0, 0.0)},
        drift=Measurement("drift", 0.0, 1),
        watch=Watch(1, "v2", "v1", "watching", 0, moment, {}, None, moment, None),
        num_watches={},
        num_roll_backs=0,
        num_undelivered=0,
        num_alarms_open={},
        num_alarms_raised={},
    )
    # A store that holds all of this would take longer to make than to read.
    with TemporaryDirectory() as folder, patch.object(store_collector, "read_figures", lambda _: figures):
        database = Database(f"sqlite:///{folder}/empty.db")
        try:
            return list(store_collector.StoreCollector(database, threshold=500).collect())
        finally:
            database.close()
