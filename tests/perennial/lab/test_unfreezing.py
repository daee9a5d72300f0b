from collections.abc import Callable, Sequence

import pytest

from perennial.lab import unfreezing
from perennial.lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]


@pytest.mark.parametrize(
    ("steps", "verdict", "middle"),
    [
        ([0.92, 0.93, 0.92], "Yes: thawing in steps is clearly better", "adds to what training the head"),
        (
            [0.80, 0.81, 0.79],
            "That thawing in steps improves the accuracy is not shown",
            "adds nothing that counts",
        ),
        ([0.60, 0.61, 0.60], "No: thawing in steps is clearly worse", "takes away from"),
    ],
)
def test_the_verdict_follows_from_the_accuracies(
    measured_of: MeasuredOf, runs_of: RunsOf, steps: Sequence[float], verdict: str, middle: str
) -> None:
    measured = measured_of(
        runs_of(unfreezing.AT_ONCE, [0.80, 0.80, 0.81], fresh=True),
        runs_of(unfreezing.PROBED, [0.80, 0.80, 0.80]),
        runs_of(unfreezing.IN_STEPS, steps, strategy="gradual"),
    )
    told = unfreezing.find(measured).answer
    assert told[0].startswith(verdict)
    assert middle in told[3]


def test_an_order_that_was_still_learning_is_told(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Callable[..., object]
) -> None:
    def told(*losses: tuple[float, float]) -> str:
        at_once = runs_of(unfreezing.AT_ONCE, [0.8, 0.8], curves=[epochs(*losses)] * 2, fresh=True)
        others = (runs_of(name, [0.8, 0.8]) for name in (unfreezing.PROBED, unfreezing.IN_STEPS))
        return " ".join(unfreezing.find(measured_of(at_once, *others)).answer)

    assert "its training loss fell by 20 % in the last one" in told((0.5, 0.5), (0.4, 0.5))
    assert "still learning" not in told((0.5, 0.5), (0.49, 0.5))


def test_an_order_that_diverged_leaves_it_open(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of(unfreezing.AT_ONCE, [None, None], fresh=True),
        runs_of(unfreezing.PROBED, [0.8, 0.8]),
        runs_of(unfreezing.IN_STEPS, [0.8, 0.8], strategy="gradual"),
    )
    told = unfreezing.find(measured).answer
    assert "can't be told" in told[0]
    assert any("“all at once”: the loss became infinite" in sentence for sentence in told)
