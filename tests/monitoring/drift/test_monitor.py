from collections.abc import Callable

import numpy as np
import pytest

from monitoring.drift.monitor import DriftMonitor, Signal
from monitoring.drift.observations import Observations
from monitoring.drift.settings import AlarmSettings
from monitoring.errors import EmbeddingMismatchError, TooFewEmbeddingsError

Draw = Callable[..., Observations]
SETTINGS = AlarmSettings(declared_images=20_000, num_paths=60)


@pytest.fixture
def monitor(draw: Draw, rng: np.random.Generator) -> DriftMonitor:
    return DriftMonitor(draw(500), 4, SETTINGS, rng)


def test_a_moved_stream_is_noticed_by_the_short_window_of_embeddings(
    monitor: DriftMonitor, draw: Draw
) -> None:
    assert monitor.observe(draw(100)) is None
    signal = monitor.observe(draw(50, moved=2))
    assert signal is not None
    assert (signal.detector, signal.window) == ("embeddings", 50)
    assert signal.statistic >= signal.threshold
    assert 100 <= signal.index < 150


def test_a_changed_class_mix_is_noticed(monitor: DriftMonitor, draw: Draw) -> None:
    monitor.observe(draw(100))
    signal = monitor.observe(draw(200, shares=(0.7, 0.1, 0.1, 0.1)))
    assert signal is not None


def test_one_class_that_looks_otherwise_is_noticed_within_its_class(
    monitor: DriftMonitor, draw: Draw
) -> None:
    monitor.observe(draw(100))
    signal = monitor.observe(draw(800, moved=0.6, only=2))
    assert signal is not None
    assert signal.detector == "within_classes"


def test_rows_one_by_one_give_the_same_signal_as_all_at_once(draw: Draw) -> None:
    reference, stream = draw(500), draw(120).followed_by(draw(100, moved=2))
    first, second = (DriftMonitor(reference, 4, SETTINGS, np.random.default_rng(1)) for _ in range(2))
    one_by_one: list[Signal] = []
    for row in range(len(stream)):
        signal = first.observe(stream.rows(row))
        if signal is not None:
            one_by_one.append(signal)
    at_once = second.observe(stream)
    assert at_once is not None
    assert (one_by_one[0].index, one_by_one[0].detector) == (at_once.index, at_once.detector)
    assert one_by_one[0].statistic == pytest.approx(at_once.statistic, rel=1e-3)


def test_after_a_signal_the_windows_begin_anew(monitor: DriftMonitor, draw: Draw) -> None:
    first = monitor.observe(draw(50, moved=2))
    assert first is not None
    assert monitor.observe(draw(49, moved=2)) is None
    second = monitor.observe(draw(1, moved=2))
    assert second is not None
    assert second.index == 99


def test_a_reference_of_under_fifty_images_is_refused(draw: Draw, rng: np.random.Generator) -> None:
    with pytest.raises(TooFewEmbeddingsError, match="got 49"):
        DriftMonitor(draw(49), 4, SETTINGS, rng)


def test_rows_of_another_width_are_refused(monitor: DriftMonitor) -> None:
    other = Observations(np.zeros((3, 5), np.float32), np.zeros(3, np.int64), np.zeros(3, np.float32))
    with pytest.raises(EmbeddingMismatchError, match="5"):
        monitor.observe(other)


def test_a_signal_is_explained_from_the_rows_up_to_now(monitor: DriftMonitor, draw: Draw) -> None:
    recent = draw(300).followed_by(draw(100, moved=2))
    signal = monitor.observe(recent)
    assert signal is not None
    explanation = monitor.explain(signal, recent)
    assert explanation.kind == "looks"
    assert abs(explanation.since - 300) <= 10
    assert set(explanation.witness) <= set(range(300, 400))
