from collections.abc import Callable

import pytest

from lab import augmentation
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


@pytest.fixture
def plain(runs_of: RunsOf) -> ArmRuns:
    """Without variants: all training images are right, and four of five others."""
    return runs_of("no variants", [0.80, 0.81, 0.80], training_accuracy=1.0)


def test_variants_that_close_the_gap_and_help_cure_overfitting(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.93, 0.94, 0.93], training_accuracy=0.99)
    answer = augmentation.conclude(measured_of(plain, basic)).answer
    assert "19.7 points better on its own training images than on the test" in answer[0]
    assert "it overfits. Basic variants reduce it" in answer[0]
    assert "With basic variants the gap is 5.7 points, clearly narrower than the 19.7 without." in answer


def test_variants_that_only_hinder_memorising_are_named(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.80, 0.80, 0.81], training_accuracy=0.85)
    answer = augmentation.conclude(measured_of(plain, basic)).answer
    assert "harder to memorise, but the accuracy on the test images is not clearly higher" in answer[0]


def test_variants_without_an_effect_are_named(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.81, 0.79, 0.82], training_accuracy=1.0)
    answer = augmentation.conclude(measured_of(plain, basic)).answer
    assert "neither the gap nor the accuracy by more than the spread" in answer[0]
    assert "not clearly different from" in answer[2]


def test_without_a_gap_there_is_no_overfitting(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    plain = runs_of("no variants", [0.80, 0.82, 0.81], training_accuracy=0.81)
    answer = augmentation.conclude(measured_of(plain, runs_of("basic variants", [0.8, 0.8, 0.8]))).answer
    assert "there is no clear overfitting" in answer[0]


def test_shuffled_labels_are_reported_as_memorised(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of("no variants", [0.5, 0.51, 0.49], training_accuracy=1.0),
        runs_of("basic variants", [0.5, 0.48, 0.5], training_accuracy=0.9),
    )
    answer = augmentation.conclude(measured).answer
    assert answer[0].startswith("Nothing was learnt")
    assert "up to 100.0 % of their own training images right: they memorised them" in answer[1]


def test_one_training_of_each_shows_the_gap_but_not_what_changes_it(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    measured = measured_of(runs_of("no variants", [0.8]), runs_of("basic variants", [0.9]))
    answer = augmentation.conclude(measured).answer
    assert "19.0 points better on its own" in answer[0]
    assert "it overfits. One training of each can't show" in answer[0]
