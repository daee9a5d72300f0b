"""How fast requests to predict were answered, from the histogram that `/metrics` shows."""

import math
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from monitoring.answers.latency import Latency

_ROUTE = "/v1/predict"
_NAME = "perennial_request_latency_seconds"


def predict_latency(metrics: Iterable[Metric]) -> Latency:
    """Return the bounds that half, and 99 of 100, of the requests to predict were answered within.

    Args:
        metrics: Those of the serving processes, the request latencies among them.
    """
    num_within: defaultdict[float, int] = defaultdict(int)
    for metric in metrics:
        if metric.name != _NAME:
            continue
        for sample in metric.samples:
            if sample.name == f"{_NAME}_bucket" and sample.labels["route"] == _ROUTE:
                num_within[float(sample.labels["le"])] += int(sample.value)
    bounds = sorted(num_within.items())
    return Latency(
        num_requests=num_within.get(math.inf, 0),
        median_seconds=_bound_of(bounds, 0.5),
        p99_seconds=_bound_of(bounds, 0.99),
    )


def _bound_of(bounds: list[tuple[float, int]], fraction: float) -> float | None:
    """Return the smallest bound that so many of the counts lie within; None where none, or only ∞, is.

    >>> _bound_of([(0.1, 50), (0.5, 98), (math.inf, 100)], 0.5)
    0.1
    >>> _bound_of([(0.1, 50), (0.5, 98), (math.inf, 100)], 0.99)
    """
    total = bounds[-1][1] if bounds else 0
    if not total:
        return None
    bound = next(bound for bound, num_within in bounds if num_within >= fraction * total)
    return None if math.isinf(bound) else bound
