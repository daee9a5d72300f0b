import numpy as np
import pytest

from monitoring.accuracy import measured_accuracies, paired_loss_interval, wilson_interval
from monitoring.errors import InvalidCountError
from store.database.database import Database
from store.measurements import Measurement, record


def test_wilson_interval_of_zero_of_ten_is_that_of_the_formula_by_hand() -> None:
    # At a share of 0 the interval is [0, z²/(n + z²)].
    z_squared = 1.959964**2
    low, high = wilson_interval(0, 10)
    assert low == pytest.approx(0, abs=1e-12)
    assert high == pytest.approx(z_squared / (10 + z_squared), abs=1e-6)


def test_wilson_interval_of_all_right_mirrors_that_of_none_right() -> None:
    low, high = wilson_interval(10, 10)
    mirrored_low, mirrored_high = wilson_interval(0, 10)
    assert (low, high) == pytest.approx((1 - mirrored_high, 1 - mirrored_low))


def test_wilson_interval_of_nothing_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("num_right", [-1, 11])
def test_wilson_interval_refuses_more_right_than_there_were(num_right: int) -> None:
    with pytest.raises(InvalidCountError, match="0 to 10"):
        wilson_interval(num_right, 10)


def test_wilson_interval_holds_the_truth_about_95_times_of_100() -> None:
    # 2,000 draws: the share of hits has a standard error of 0.5 points, so 93.5 is three below 95.
    rng = np.random.default_rng(0)
    hits = [
        low <= 0.9 <= high
        for low, high in (wilson_interval(int(right), 200) for right in rng.binomial(200, 0.9, 2000))
    ]
    assert 0.935 < np.mean(hits) < 0.975


def test_measured_accuracies_gives_the_latest_value_of_each_version_and_slice(database: Database) -> None:
    def measure(version: str, slice: str | None, value: float, metric: str = "accuracy") -> None:
        database.write(lambda c: record(c, Measurement(metric, value, 100, version=version, slice=slice)))

    measure("v1", "golden-1", 0.5)
    measure("v1", "golden-1", 0.75)
    measure("v1", "round-1", 0.25)
    measure("v2", "golden-1", 0.875)
    measure("v1", None, 0.125)
    measure("v1", "golden-1", 0.0, metric="calibration")
    with database.read() as connection:
        accuracies = measured_accuracies(connection, ["v1"])
    assert {(cell.version, cell.slice): cell.accuracy for cell in accuracies} == {
        ("v1", "golden-1"): 0.75,
        ("v1", "round-1"): 0.25,
    }
    assert all(cell.low < cell.accuracy < cell.high for cell in accuracies)


def test_a_paired_loss_without_flips_has_a_width_that_shrinks_with_the_images() -> None:
    low, high = paired_loss_interval(0, 0, 50, 0)
    # That of Wilson's interval on both sides.
    width = 1.959964**2 / (50 + 1.959964**2)
    assert (low, high) == pytest.approx((-width, width), abs=1e-6)
    assert paired_loss_interval(0, 0, 0, 0) == (-1.0, 1.0)


def test_a_paired_loss_mirrors_the_gain() -> None:
    low, high = paired_loss_interval(20, 5, 60, 15)
    mirrored = paired_loss_interval(5, 20, 60, 15)
    assert (low, high) == pytest.approx((-mirrored[1], -mirrored[0]))


def test_nineteen_of_twenty_intervals_of_a_paired_loss_hold_the_truth() -> None:
    # 95 % is meant; of 2,000 draws 4 standard errors are 2 points.
    rng = np.random.default_rng(0)
    draws = rng.multinomial(300, [0.08, 0.03, 0.8, 0.09], size=2000)
    hits = [low <= 0.05 <= high for low, high in (paired_loss_interval(*map(int, row)) for row in draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.02)
