"""Half, and 99 of 100, of the requests to predict were answered within a bound that is told."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitoring.answers.latency import Latency
from monitoring.metrics import Exposition, ServiceMetrics


class Nothing(Collector):
    def collect(self) -> Iterator[Metric]:
        return iter([])


def latency(*seconds: float, route: str = "/v1/predict") -> Latency:
    registry = CollectorRegistry()
    metrics = ServiceMetrics(registry)
    for each in seconds:
        metrics.observe_request(route, "POST", 200, each)
    return Exposition(registry, Nothing()).latency()


@pytest.mark.parametrize(
    ("seconds", "median", "p99"),
    [
        ([0.004], 0.005, 0.005),
        ([0.004] * 98 + [0.3] * 2, 0.005, 0.5),
        ([0.004] * 99 + [0.3], 0.005, 0.005),
        ([0.004, 60.0], 0.005, None),
        ([60.0], None, None),
    ],
)
def test_the_bounds_hold_of_that_many(seconds: list[float], median: float, p99: float) -> None:
    assert latency(*seconds) == Latency(num_requests=len(seconds), median_seconds=median, p99_seconds=p99)


def test_other_routes_do_not_count() -> None:
    nothing = Latency(num_requests=0, median_seconds=None, p99_seconds=None)
    assert latency(0.01, route="/v1/rounds") == latency() == nothing
