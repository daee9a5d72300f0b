"""Interpolates between the weights of two classifiers."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vision.errors import IncompatibleStatesError

State = Mapping[str, Tensor]


def interpolate(first: State, second: State, weight: float) -> dict[str, Tensor]:
    """Return (1 - weight) · first + weight · second, tensor by tensor.

    Running statistics of batch normalisation are interpolated like weights; integer buffers, which count
    batches, are taken from `second`.

    Args:
        first: A state dict; weight 0 returns it.
        second: A state dict of the same network; weight 1 returns it.
        weight: In [0, 1].

    Raises:
        IncompatibleStatesError: Names or shapes differ, or the weight is outside [0, 1].

    Source:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022 (WiSE-FT).
    """
    if not 0.0 <= weight <= 1.0:
        raise IncompatibleStatesError(f"Expected a weight from 0 to 1, got {weight}.")
    differing = sorted(first.keys() ^ second.keys()) or sorted(
        name for name in first if first[name].shape != second[name].shape
    )
    if differing:
        raise IncompatibleStatesError(
            f"Expected two states of one network with the same classes; they differ in {differing[:3]}."
        )
    return {
        name: torch.lerp(tensor, second[name].to(tensor.dtype), weight)
        if tensor.is_floating_point()
        else second[name].clone()
        for name, tensor in first.items()
    }
