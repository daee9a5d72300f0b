from collections.abc import Callable

import numpy as np
import pytest

from monitoring.drift.calibration import calibrate
from monitoring.drift.monitor import DriftMonitor
from monitoring.drift.observations import Observations
from monitoring.drift.settings import AlarmSettings
from monitoring.drift.thresholds import fit_tail, rarity_at_rate

Draw = Callable[..., Observations]


def test_a_tail_tells_how_rare_a_distance_is() -> None:
    distances = np.random.default_rng(0).exponential(3, size=200_000).astype(np.float32)
    tail = fit_tail(distances)
    # One look in a thousand reaches 3 · ln 1000; the tail is fitted on 4,000 values, an error of 2 %.
    assert float(tail.rarity(np.array([3 * np.log(1000)], np.float32))[0]) == pytest.approx(
        np.log(1000), rel=0.05
    )
    assert tail.at(np.log(1000)) == pytest.approx(3 * np.log(1000), rel=0.05)


def test_windows_that_were_not_looked_at_have_no_part_in_the_tail() -> None:
    distances = np.random.default_rng(0).exponential(1, size=10_000).astype(np.float32)
    with_gaps = np.concatenate([distances, np.full(10_000, -np.inf, np.float32)])
    assert fit_tail(with_gaps) == fit_tail(distances)


@pytest.mark.parametrize("declared", [3000, 30_000])
def test_independent_looks_reach_the_rarity_at_the_declared_rate(declared: int) -> None:
    # Looks that don't depend on each other, one in each block of ten rows: at rarity r one in e^r reaches it.
    rarities = np.random.default_rng(0).exponential(size=(400, 240, 1)).astype(np.float32)
    level = rarity_at_rate(rarities, np.array([10]), declared)
    # From some 200 counted alarms: an error of 7 %, and twice that where the line is continued.
    assert level == pytest.approx(np.log(declared / 10), abs=0.35)


def test_a_higher_declared_number_of_images_gives_higher_thresholds(draw: Draw) -> None:
    reference = draw(300)
    few, many = (
        calibrate(reference, 4, AlarmSettings(declared, num_paths=60), np.random.default_rng(0)).rarity
        for declared in (5000, 100_000)
    )
    # Twenty times as rare: ln 20 = 3 where looks don't depend on each other.
    assert 1 < many - few < 6


def test_the_same_seed_gives_the_same_thresholds(draw: Draw) -> None:
    reference = draw(300)
    first, second = (
        calibrate(reference, 4, AlarmSettings(num_paths=30), np.random.default_rng(7)) for _ in range(2)
    )
    assert first.rarity == second.rarity
    assert [look.tail for look in first.looks] == [look.tail for look in second.looks]


@pytest.mark.parametrize("confidences", ["drawn", "equal"])
def test_a_reference_of_equal_images_calibrates_and_sees_another(confidences: str) -> None:
    equal = Observations(np.ones((100, 8), np.float32), np.zeros(100, np.int64), np.ones(100, np.float32))
    other = Observations(np.zeros((50, 8), np.float32), np.ones(50, np.int64), np.ones(50, np.float32))
    if confidences == "drawn":
        drawn = np.random.default_rng(0).random(100).astype(np.float32)
        equal = Observations(equal.embeddings, equal.labels, drawn)
    monitor = DriftMonitor(equal, 2, AlarmSettings(num_paths=30), np.random.default_rng(0))
    assert monitor.observe(equal.rows(slice(0, 50))) is None
    assert monitor.observe(other) is not None


@pytest.mark.slow
def test_streams_without_drift_alarm_about_as_often_as_declared(draw: Draw) -> None:
    # 40 references with 5,000 rows each at one alarm in 2,000: 100 are declared. Their number has a
    # deviation of about 15, since alarms on one reference come together: over 160 in 1 of 10,000 seeds.
    alarms = 0
    for seed in range(40):
        settings = AlarmSettings(declared_images=2000, num_paths=150)
        monitor = DriftMonitor(draw(1000), 4, settings, np.random.default_rng(seed))
        alarms += sum(monitor.observe(draw(50)) is not None for _ in range(100))
    assert 40 < alarms < 160
