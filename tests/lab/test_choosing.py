from collections.abc import Callable
from dataclasses import replace

from lab import backbones, freezing
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


def test_the_quickest_is_chosen_where_nothing_is_clearly_better(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    probe = runs_of("linear probe", [0.90, 0.91, 0.90], seconds=2.0, strategy="linear_probe", num_trained=10)
    full = runs_of("full", [0.92, 0.89, 0.92], seconds=20.0, num_trained=5000)
    answer = freezing.conclude(measured_of(full, probe)).answer
    assert "Use “linear probe” (90.3 % of the test images, 2.0 s to train): it is the quickest" in answer[0]
    assert "“full” is 0.7 points above “linear probe”, which is within the spread" in answer[1]
    assert "10.0 times as long as “linear probe”, and trains 5,000 parameters instead of 10" in answer[2]


def test_the_slower_is_chosen_where_it_is_clearly_better(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    probe = runs_of("linear probe", [0.70, 0.71, 0.70], seconds=2.0, strategy="linear_probe")
    full = runs_of("full", [0.92, 0.93, 0.92], seconds=20.0)
    answer = freezing.conclude(measured_of(probe, full)).answer
    assert answer[0].startswith("Use “full”")
    assert "all that is quicker to train is worse: “linear probe” is clearly below “full”" in answer[0]


def test_a_variant_that_only_guesses_is_never_chosen_however_quick_it_is(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    quick = runs_of("linear probe", [0.5, 0.57, 0.5], seconds=2.0, strategy="linear_probe")
    # Its seeds differ so much that it is not clearly above the other.
    slow = runs_of("full", [0.55, 0.95, 0.7], seconds=20.0)
    answer = freezing.conclude(measured_of(quick, slow)).answer
    assert answer[0].startswith("Use “full”")
    assert "all that is quicker to train is worse: “linear probe” is not clearly above guessing" in answer[0]


def test_one_training_of_each_shows_nothing_to_be_better(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of("linear probe", [0.7], seconds=2.0, strategy="linear_probe"),
        runs_of("full", [0.9], seconds=9.0),
    )
    answer = freezing.conclude(measured).answer
    assert answer[0].startswith("Use “full”")
    assert "one training of each can't show that it is better" in answer[0]


def test_fine_tuning_that_never_beat_its_probe_is_named(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Callable[..., object]
) -> None:
    probe = runs_of("linear probe", [0.9, 0.9], seconds=2.0, strategy="linear_probe")
    curves = [epochs((0.1, 0.2), (0.1, 0.3)), epochs((0.1, 0.2), (0.1, 0.1))]
    answer = freezing.conclude(
        measured_of(probe, runs_of("full", [0.9, 0.9], seconds=9.0, curves=curves))
    ).answer
    assert any("In 1 of 2 trainings “full” kept the probe" in sentence for sentence in answer)


def test_where_nothing_is_learnt_nothing_is_chosen(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of("linear probe", [0.5, 0.5], strategy="linear_probe"), runs_of("full", [0.5, 0.52])
    )
    answer = freezing.conclude(measured).answer
    assert answer[0].startswith("Nothing was learnt")
    assert not any(sentence.startswith("Use ") for sentence in answer)


def test_the_answer_names_what_networks_started_from(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    lite = runs_of("efficientnet_lite0", [0.9, 0.91, 0.9], seconds=3.0, milliseconds=9.0)
    deep = runs_of("resnet50", [0.6, 0.62, 0.63], seconds=90.0, start="random weights", milliseconds=40.0)
    conclusion = backbones.conclude(measured_of(lite, deep))
    assert conclusion.answer[0].startswith("Use “efficientnet_lite0”")
    together = " ".join(conclusion.answer)
    assert "did not start alike: efficientnet_lite0 from ImageNet weights; resnet50 from random" in together
    assert "efficientnet_lite0 predicts the fastest, with 9.0 ms an image; resnet50 takes 40.0 ms" in together
    assert conclusion.table.rows[1][1] == "random weights"
    alike = backbones.conclude(measured_of(lite, runs_of("resnet18", [0.8, 0.8, 0.8], seconds=2.0))).answer
    assert "All of them started from ImageNet weights." in alike


def test_seconds_within_the_spread_choose_nothing_and_fewer_parameters_do(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    probe = runs_of("linear probe", [0.9, 0.9, 0.9], strategy="linear_probe", num_trained=10)
    full = runs_of("full", [0.9, 0.9, 0.9], num_trained=5000)
    measured = measured_of(_taking(full, 10.5, 16.2, 21.9), _taking(probe, 15.7, 16.6, 17.5))
    answer = freezing.conclude(measured).answer
    assert answer[0].startswith("Use “linear probe”")
    assert "or quicker to train by more than the spread, and it trains the fewest parameters" in answer[0]
    measured = measured_of(_taking(full, 10.5, 10.4, 10.6), _taking(probe, 15.7, 16.6, 17.5))
    assert freezing.conclude(measured).answer[0].startswith("Use “full”")


def _taking(runs: ArmRuns, *seconds: float) -> ArmRuns:
    """Return trainings that took so many seconds, one for each seed."""
    outcomes = zip(runs.outcomes, seconds, strict=True)
    return replace(runs, outcomes=tuple(replace(outcome, seconds=each) for outcome, each in outcomes))
