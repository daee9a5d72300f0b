"""Schedules of the learning rate over a training run."""

import math
from typing import Literal

Schedule = Literal["step", "cosine", "constant", "warm_up"]

STEP_EPOCHS = 7
STEP_FACTOR = 0.1
# Share of a cosine run during which the rate rises to its peak.
_WARM_UP = 0.1
# A gradual run begins at this share of the peak, and rises by a constant factor for this share of the run.
_GRADUAL_START = 0.01
_GRADUAL_RISE = 0.6


def rate_at(schedule: Schedule, step: int, num_steps: int, num_epochs: int) -> float:
    """Return the share of the peak learning rate to use at a step.

    Args:
        schedule: Its name.
        step: From 0 to num_steps - 1.
        num_steps: Steps of the whole run.
        num_epochs: Epochs of the whole run.
    """
    if schedule == "step":
        return STEP_FACTOR ** (step * num_epochs // num_steps // STEP_EPOCHS)
    if schedule == "cosine":
        warm_up = max(1, round(_WARM_UP * num_steps))
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, num_steps - warm_up)))
    if schedule == "warm_up":
        rise = max(1, round(_GRADUAL_RISE * num_steps))
        if step < rise:
            return float(_GRADUAL_START ** (1 - step / rise))
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, num_steps - rise)))
    return 1.0
