"""The Prometheus instruments of a serving process, and the page that `/metrics` answers."""

import logging
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from monitoring.answers.latency import Latency
from monitoring.latency import predict_latency

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
PREFIX = "perennial_"
OTHER = "other"
# Routes with their methods and classes of status: more than we have, and few enough for the file below.
MAX_ANSWERS = 250
# What a worker reserves for each of its two files, so that they never grow: see `reserve_files`.
RESERVED_BYTES = 2**20
# What prometheus_client raises for a file that was damaged or cut off.
_UNREADABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, struct.error)

_log = logging.getLogger(__name__)


class BoundedLabel:
    """The first distinct values of a label, and "other" for all that come after.

    >>> label = BoundedLabel(2)
    >>> [label.of(value) for value in ("a", "b", "c", "a")]
    ['a', 'b', 'other', 'a']
    """

    def __init__(self, max_values: int = 50) -> None:
        self._max_values = max_values
        self._values: set[str] = set()

    def of(self, value: str) -> str:
        """Return the value itself while there is room for it, else "other"."""
        if value not in self._values:
            if len(self._values) >= self._max_values:
                return OTHER
            self._values.add(value)
        return value


class ServiceMetrics:
    """What one serving process counts; built once a process, before its first request.

    With `PROMETHEUS_MULTIPROC_DIR` set before prometheus_client is imported, the numbers of all
    processes meet in that folder. There are no gauges here: of a process that died they would stay.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "perennial_requests_total",
            "Requests answered, by route template, method and status class.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._latency = Histogram(
            "perennial_request_latency_seconds",
            "Seconds from a request's first byte to its answer's last.",
            ["route", "method"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._batch_size = Histogram(
            "perennial_batch_size",
            "Images that went through the network together.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._feedback = Counter(
            "perennial_feedback_total",
            "Labels received, by the key's name and what became of them.",
            ["source", "status"],
            registry=registry,
        )
        self._log_errors = Counter(
            "perennial_prediction_log_errors_total",
            "Predictions answered but not written to the log.",
            registry=registry,
        )
        self._rejections = Counter(
            "perennial_queue_rejections_total",
            "Requests refused with 429 because too many were waiting.",
            registry=registry,
        )
        # Looked up by their labels once: there are no more than the bounded labels allow.
        self._answer_instruments: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self._routes = BoundedLabel()
        self._methods = BoundedLabel(10)
        self._sources = BoundedLabel()

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer; `route` is the template ("/v1/rounds/{id}"), never the path."""
        labels = self._routes.of(route), self._methods.of(method), f"{status // 100}xx"
        if labels not in self._answer_instruments and len(self._answer_instruments) >= MAX_ANSWERS:
            labels = OTHER, OTHER, labels[2]
        if labels not in self._answer_instruments:
            self._answer_instruments[labels] = (
                self._requests.labels(*labels),
                self._latency.labels(*labels[:2]),
            )
        num_answers, latency = self._answer_instruments[labels]
        num_answers.inc()
        latency.observe(seconds)

    def observe_batch(self, size: int) -> None:
        """Count one batch of `size` images."""
        self._batch_size.observe(size)

    def count_feedback(self, source: str, status: str) -> None:
        """Count one label: `source` is the key's name, `status` that of the answer."""
        self._feedback.labels(self._sources.of(source), status).inc()

    def count_log_error(self, num_predictions: int = 1) -> None:
        """Count predictions that could not be written to the log."""
        self._log_errors.inc(num_predictions)

    def count_rejection(self) -> None:
        """Count one request refused because the queue was full."""
        self._rejections.inc()


class Exposition:
    """The text of `/metrics`: this process's or all processes' numbers, then the store's figures."""

    def __init__(
        self, registry: CollectorRegistry, store: Collector, multiprocess_dir: str | None = None
    ) -> None:
        """`multiprocess_dir` is PROMETHEUS_MULTIPROC_DIR where there are several workers."""
        self._processes = ProcessMetrics(registry, multiprocess_dir)
        everything = CollectorRegistry(auto_describe=False)
        everything.register(self._processes)
        everything.register(store)
        self._registry = everything

    def render(self) -> tuple[bytes, str]:
        """Return the page and its content type. Reads the database: call it in a thread."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def latency(self) -> Latency:
        """Return how fast requests to predict were answered. Reads files: call it in a thread."""
        return predict_latency(self._processes.collect())


class ProcessMetrics(Collector):
    """The numbers of this process, or of all, from the files of a folder; a damaged file is passed over.

    It passes on our own names only: BentoML has metrics too.
    """

    def __init__(self, registry: CollectorRegistry, folder: str | None) -> None:
        self._registry = registry
        self._folder = folder
        self._unreadable: set[Path] = set()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, and how many files could not be read."""
        metrics = self._registry.collect() if self._folder is None else self._read(Path(self._folder))
        yield from (metric for metric in metrics if metric.name.startswith(PREFIX))
        yield GaugeMetricFamily(
            f"{PREFIX}metrics_files_unreadable",
            "Files of processes' numbers that were found damaged, and are left out here.",
            value=len(self._unreadable),
        )

    def describe(self) -> list[Metric]:
        """Return none, so that nothing is read at registration."""
        return []

    def _read(self, folder: Path) -> list[Metric]:
        return _merged([file for file in sorted(folder.glob("*.db")) if self._is_readable(file)])

    def _is_readable(self, file: Path) -> bool:
        try:
            _merged([file])
        except _UNREADABLE as error:
            if file not in self._unreadable:
                self._unreadable.add(file)
                _log.warning("the numbers in %s are left out of the metrics: %r", file, error)
            return False
        return True


def _merged(files: Iterable[Path]) -> list[Metric]:
    merged: Iterable[Metric] = MultiProcessCollector.merge(map(str, files))  # type: ignore[no-untyped-call]  # prometheus-client leaves it without types
    return list(merged)
