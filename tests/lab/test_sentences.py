from collections.abc import Callable

from lab.outcomes import ArmRuns, Measured, compare
from lab.sentences import comparison, describe_failures, nothing_learnt

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


def _sentence(runs: ArmRuns, other: ArmRuns) -> str:
    return comparison(runs.name, other.name, compare(runs, other, "test"))


def test_a_difference_is_described_with_its_verdict(runs_of: RunsOf) -> None:
    low, high = runs_of("low", [0.70, 0.71, 0.70]), runs_of("high", [0.90, 0.91, 0.91])
    mixed = runs_of("mixed", [0.60, 0.80, 0.75])
    assert "“high” is 20.3 points above “low”, which is more than the spread" in _sentence(high, low)
    assert "“low” is 20.3 points below “high”, which is more than the spread" in _sentence(low, high)
    assert "“mixed” is 1.3 points above “low”, which is within the spread" in _sentence(mixed, low)
    assert "right equally often" in _sentence(low, low)


def test_one_training_shows_no_difference(runs_of: RunsOf) -> None:
    assert "more than chance" in _sentence(runs_of("high", [0.9]), runs_of("low", [0.6]))


def test_trainings_of_other_seeds_are_not_compared(runs_of: RunsOf) -> None:
    assert "no finished training" in _sentence(runs_of("first", [0.9, None]), runs_of("last", [None, 0.9]))


def test_nothing_learnt_is_reported_with_what_was_memorised(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    sentences = nothing_learnt(measured_of(runs_of("a", [0.52, 0.49]), runs_of("b", [0.5, 0.5])))
    assert (
        "Nothing was learnt that helps on the 200 test images: the best, “a”, is right on 50.5 %"
        in sentences[0]
    )
    assert "they memorised them" in sentences[1]
    sentences = nothing_learnt(measured_of(runs_of("a", [0.52, 0.49], training_accuracy=0.55)))
    assert "at most 55.0 % of their own training images right" in sentences[1]


def test_what_one_variant_learnt_is_enough(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(runs_of("a", [0.5, 0.5]), runs_of("b", [0.8, 0.8]))
    assert nothing_learnt(measured) == ()
    assert describe_failures(measured) == ("“a” is not clearly above guessing (50.0 %).",)


def test_diverged_trainings_are_counted(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    assert "every training diverged" in nothing_learnt(measured_of(runs_of("a", [None, None])))[0]
    [sentence] = describe_failures(measured_of(runs_of("a", [None, 0.9, 0.9])))
    assert "“a”: the loss became infinite or undefined in 1 of 3 trainings" in sentence
