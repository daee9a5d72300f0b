"""Freezes one part of a network while another is trained."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


@contextmanager
def only_trainable(network: nn.Module, parameters: Parameters | None) -> Iterator[list[dict[str, Any]]]:
    """Freeze all but these parameters inside the block, and yield them as optimizer groups.

    Args:
        network: The network that owns them.
        parameters: Parameters, or groups of them for an optimizer; None for those that require a gradient.
    """
    before = {parameter: parameter.requires_grad for parameter in network.parameters()}
    chosen = [parameter for parameter in before if before[parameter]] if parameters is None else parameters
    groups = _as_groups(chosen)
    trainable = {parameter for group in groups for parameter in group["params"]}
    try:
        for parameter in before:
            parameter.requires_grad_(parameter in trainable)
        yield groups
    finally:
        for parameter, required in before.items():
            parameter.requires_grad_(required)
            parameter.grad = None


def set_training_modes(network: nn.Module, *, keeps_statistics: bool = False) -> None:
    """Put a network in training mode, except the batch normalisation that must keep its statistics.

    Args:
        network: A part is frozen if none of its parameters requires a gradient.
        keeps_statistics: All batch normalisation uses its running statistics and leaves them as they are; its
            scales and shifts still train.
    """
    network.train()
    for module in network.modules():
        is_frozen = not any(parameter.requires_grad for parameter in module.parameters())
        if isinstance(module, _BatchNorm) and (is_frozen or keeps_statistics):
            module.eval()


def _as_groups(parameters: Parameters) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    ungrouped: list[nn.Parameter] = []
    for entry in parameters:
        if isinstance(entry, dict):
            groups.append({**entry, "params": list(entry["params"])})
        else:
            ungrouped.append(entry)
    return [*groups, {"params": ungrouped}] if ungrouped else groups
