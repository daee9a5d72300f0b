"""What is told of watches: the answer that describes one, and the figures of `/metrics`."""

from collections.abc import Iterator, Mapping
from typing import get_args

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitoring.answers.watches import Watch as WatchAnswer
from store.evidence.watches import Watch, WatchState

_STATES = sorted(get_args(WatchState))


def describe(watch: Watch) -> WatchAnswer:
    """Return what is answered about a watch; before its first look nothing is counted."""
    figures = watch.figures
    fallback = f"{watch.version} is watched: nobody looked yet at what it and {watch.predecessor} answer."
    return WatchAnswer(
        version=watch.version,
        predecessor=watch.predecessor,
        state=watch.state,
        images=watch.num_images,
        lost=figures.get("lost", 0),
        won=figures.get("won", 0),
        open=figures.get("open", 0),
        evidence=figures.get("evidence", 1.0),
        sentence=watch.reason or figures.get("sentence", fallback),
    )


def watch_metrics(
    last: Watch | None, num_by_state: Mapping[str, int], num_roll_backs: int
) -> Iterator[Metric]:
    """Yield the figures of the last watch, and how all of them ended.

    Args:
        last: The last watch; None before the first promotion with a predecessor.
        num_by_state: State → how many watches are in it, or ended in it.
        num_roll_backs: How often production was rolled back, by whomever.
    """
    outcomes = CounterMetricFamily(
        "perennial_watches", "Watches over promoted versions that ended, by outcome.", labels=["outcome"]
    )
    for outcome in sorted(set(_STATES) - {"watching"}):
        outcomes.add_metric([outcome], num_by_state.get(outcome, 0))
    yield outcomes
    by_watch = num_by_state.get("rolled_back", 0)
    roll_backs = CounterMetricFamily(
        "perennial_rollbacks", "Times that production was rolled back, by whom.", labels=["by"]
    )
    roll_backs.add_metric(["watch"], by_watch)
    roll_backs.add_metric(["person"], num_roll_backs - by_watch)
    yield roll_backs
    if last is not None:
        yield from _of_the_last(describe(last))


def _of_the_last(watch: WatchAnswer) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "perennial_watch_state", "1 for the state that the last watch is in, or ended in.", labels=["state"]
    )
    for state in _STATES:
        states.add_metric([state], float(state == watch.state))
    yield states
    yield _gauge(
        "images",
        "Images that production and its predecessor answered, in the last watch.",
        watch.images,
    )
    yield _gauge("lost_images", "Of these, images that only the predecessor answered rightly.", watch.lost)
    yield _gauge("won_images", "Of these, images that only the promoted version answered rightly.", watch.won)
    yield _gauge(
        "open_images", "Of these, images that they answered differently and that want a label.", watch.open
    )
    yield _gauge(
        "evidence", "Evidence that the promoted version is worse; 100 rolls it back.", watch.evidence
    )


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"perennial_watch_{name}", help_text, value=value)
