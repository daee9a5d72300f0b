import numpy as np
import pytest

from monitoring.drift.error_rate import Counts, ErrorRateMonitor, ErrorSettings, run_length, step_up
from monitoring.errors import InvalidCountError

# Ten classes of 1,000 labels each, of which a tenth is wrong.
BASELINE = [Counts(1000, 100)] * 10


def answers(rng: np.random.Generator, num: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    return rng.random(num) >= rate, rng.integers(10, size=num)


def test_the_run_length_is_that_of_the_equations_written_out() -> None:
    # Levels 0 and 1, the limit 2, a wrong answer counts 2: the first wrong one ends it, at 1 in 4.
    assert run_length(2, 2, 0.25) == pytest.approx(4)
    # Steps of one: E0 = 1 + E1/4 + 3/4 E0 and E1 = 1 + 3/4 E0, so E0 = 20.
    assert run_length(1, 2, 0.25) == pytest.approx(20)


def test_the_run_length_is_that_of_simulated_streams() -> None:
    # 2,000 runs with a mean of about 170 and a deviation nearly as large: a standard error of 3.7; it is
    # outside of four of these in 1 of 15,000 seeds.
    rng = np.random.default_rng(0)
    lengths = []
    for _ in range(2000):
        level = num = 0
        while level < 12:
            level = max(0, level + (6 if rng.random() < 0.1 else -1))
            num += 1
        lengths.append(num)
    error = np.std(lengths) / np.sqrt(len(lengths))
    assert abs(np.mean(lengths) - run_length(6, 12, 0.1)) < 4 * error


def test_a_doubled_error_rate_is_noticed_within_two_hundred_labels_at_the_median() -> None:
    # The median is about 130. Of 100 runs 50 would have to take over 200, which 20 do: never by chance.
    rng = np.random.default_rng(0)
    delays = []
    for _ in range(100):
        signal = ErrorRateMonitor(BASELINE).observe(*answers(rng, 2000, 0.2))
        delays.append(signal.index if signal else 2000)
    assert np.median(delays) <= 200


def test_false_alarms_come_no_oftener_than_declared() -> None:
    # 100,000 labels at one alarm in 1,000: 100 alarms, with a deviation of about 10. Over 145 come in
    # 1 of 100,000 seeds.
    rng = np.random.default_rng(0)
    monitor = ErrorRateMonitor(BASELINE, ErrorSettings(declared_labels=1000))
    alarms = sum(monitor.observe(*answers(rng, 10, 0.1)) is not None for _ in range(10_000))
    assert 30 < alarms < 145


def test_one_class_that_errs_more_is_named() -> None:
    rng = np.random.default_rng(0)
    monitor = ErrorRateMonitor(BASELINE)
    right, classes = answers(rng, 3000, 0.1)
    # All classes together then err at 12 to 13 %: too little for their sum.
    right[(classes == 7) & (np.arange(3000) >= 1000) & (rng.random(3000) < 0.25)] = False
    signal = monitor.observe(right, classes)
    assert signal is not None
    assert signal.predicted_class == 7
    assert signal.now > 0.25
    assert 700 <= signal.since <= signal.index


def test_a_signal_says_since_when_and_from_what_to_what() -> None:
    right = np.concatenate([np.ones(500, np.bool_), np.zeros(40, np.bool_)])
    signal = ErrorRateMonitor([Counts(1000, 100)]).observe(right, np.zeros(540, np.int64))
    assert signal is not None
    assert (signal.since, signal.now) == (500, 1.0)
    assert signal.usual == pytest.approx(0.1, abs=0.001)


def test_a_baseline_of_few_labels_needs_more_evidence() -> None:
    few, many = (ErrorRateMonitor([Counts(num, num // 10)]) for num in (100, 10_000))
    wrong = np.zeros(200, np.bool_)
    late, soon = (each.observe(wrong, np.zeros(200, np.int64)) for each in (few, many))
    assert late is not None
    assert soon is not None
    assert late.index > soon.index


def test_a_class_without_labels_has_the_baseline_of_all() -> None:
    monitor = ErrorRateMonitor([Counts(5000, 500), Counts(0, 0)])
    signal = monitor.observe(np.zeros(30, np.bool_), np.ones(30, np.int64))
    assert signal is not None


def test_no_labels_at_all_are_refused() -> None:
    with pytest.raises(InvalidCountError, match="got none"):
        ErrorRateMonitor([Counts(0, 0)])


def test_more_wrong_answers_than_labels_are_refused() -> None:
    with pytest.raises(InvalidCountError, match="0 to 3"):
        Counts(3, 4)


def test_a_wrong_answer_outweighs_six_right_ones_where_one_in_ten_doubles() -> None:
    assert step_up(0.1, 0.2) == 6
