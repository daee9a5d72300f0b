from collections.abc import Callable

import pytest

from perennial.lab import augmentation
from perennial.lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


@pytest.fixture
def plain(runs_of: RunsOf) -> ArmRuns:
    """Without variants: all training images are known, and four of five others."""
    return runs_of("no variants", [0.80, 0.81, 0.80], training_accuracy=1.0)


def test_variants_that_close_the_gap_and_help_cure_overfitting(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.93, 0.94, 0.93], training_accuracy=0.99)
    told = augmentation.find(measured_of(plain, basic)).answer
    assert "19.7 points better on its own training images than on the test" in told[0]
    assert "it overfits. Basic variants cure a part of it" in told[0]
    assert "With basic variants the gap is 5.7 points, clearly narrower than the 19.7 without." in told


def test_variants_that_only_keep_images_from_being_known_are_told(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.80, 0.80, 0.81], training_accuracy=0.85)
    told = augmentation.find(measured_of(plain, basic)).answer
    assert "harder to learn by heart, but the test images gain nothing that counts" in told[0]


def test_variants_without_an_effect_are_told(
    measured_of: MeasuredOf, runs_of: RunsOf, plain: ArmRuns
) -> None:
    basic = runs_of("basic variants", [0.81, 0.79, 0.82], training_accuracy=1.0)
    told = augmentation.find(measured_of(plain, basic)).answer
    assert "neither the gap nor the accuracy by more than the spread" in told[0]
    assert "not clearly another" in told[2]


def test_without_a_gap_there_is_no_overfitting(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    plain = runs_of("no variants", [0.80, 0.82, 0.81], training_accuracy=0.81)
    told = augmentation.find(measured_of(plain, runs_of("basic variants", [0.8, 0.8, 0.8]))).answer
    assert "no overfitting is to be seen" in told[0]


def test_shuffled_labels_are_told_to_be_learnt_by_heart(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of("no variants", [0.5, 0.51, 0.49], training_accuracy=1.0),
        runs_of("basic variants", [0.5, 0.48, 0.5], training_accuracy=0.9),
    )
    told = augmentation.find(measured).answer
    assert told[0].startswith("Nothing was learnt")
    assert "up to 100.0 %: they learnt those by heart" in told[1]


def test_one_training_of_each_tells_the_gap_but_not_what_changes_it(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    measured = measured_of(runs_of("no variants", [0.8]), runs_of("basic variants", [0.9]))
    told = augmentation.find(measured).answer
    assert "19.0 points better on its own" in told[0]
    assert "it overfits. One training of each can't tell" in told[0]
