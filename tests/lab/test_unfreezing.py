from collections.abc import Callable, Sequence

import pytest

from lab import unfreezing
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ([0.92, 0.93, 0.92], "Yes: unfreezing in steps is clearly better"),
        ([0.80, 0.81, 0.79], "Unfreezing in steps does not clearly improve the accuracy"),
        ([0.60, 0.61, 0.60], "No: unfreezing in steps is clearly worse"),
    ],
)
def test_the_verdict_follows_from_the_accuracies(
    measured_of: MeasuredOf, runs_of: RunsOf, steps: Sequence[float], verdict: str
) -> None:
    measured = measured_of(
        runs_of(unfreezing.AT_ONCE, [0.80, 0.80, 0.81], fresh=True),
        runs_of(unfreezing.IN_STEPS, steps, fresh=True),
        runs_of(unfreezing.GRADUAL, [0.91, 0.91, 0.91], strategy="gradual"),
    )
    answer = unfreezing.conclude(measured).answer
    assert answer[0].startswith(verdict)
    assert "“gradual” is 10.7 points above “all at once”" in answer[2]


def test_an_order_that_was_still_learning_is_named(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Callable[..., object]
) -> None:
    def answer_to(*losses: tuple[float, float]) -> str:
        at_once = runs_of(unfreezing.AT_ONCE, [0.8, 0.8], curves=[epochs(*losses)] * 2, fresh=True)
        others = (runs_of(name, [0.8, 0.8]) for name in (unfreezing.GRADUAL, unfreezing.IN_STEPS))
        return " ".join(unfreezing.conclude(measured_of(at_once, *others)).answer)

    assert "its training loss fell by 20 % in the last one" in answer_to((0.5, 0.5), (0.4, 0.5))
    assert "still learning" not in answer_to((0.5, 0.5), (0.49, 0.5))


def test_an_order_that_diverged_leaves_it_open(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of(unfreezing.AT_ONCE, [None, None], fresh=True),
        runs_of(unfreezing.GRADUAL, [0.8, 0.8]),
        runs_of(unfreezing.IN_STEPS, [0.8, 0.8], fresh=True),
    )
    answer = unfreezing.conclude(measured).answer
    assert "can't show whether" in answer[0]
    assert any("“all at once”: the loss became infinite" in sentence for sentence in answer)
