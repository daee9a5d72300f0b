"""Re-estimates the statistics of batch normalisation on unlabelled pictures of the target, in one pass."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vision.errors import ConflictingAdaptationsError, TooFewSamplesError
from vision.network import build_empty_classifier

#: Number of target pictures that weigh as much as all pictures of the source.
SOURCE_WEIGHT = 64


def check_normalisation(backbone: str) -> None:
    """Check that a backbone has batch normalisation.

    Raises:
        UnknownBackboneError: There is none of that name.
        ConflictingAdaptationsError: It has none.
    """
    network = build_empty_classifier(backbone, num_classes=2)
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise ConflictingAdaptationsError(
            f"The adaptation batch_norm moves statistics of batch normalisation, and {backbone} has none. "
            "Take another adaptation, or another backbone, such as resnet18."
        )


def reestimate_statistics(
    network: nn.Module, batches: Iterable[Tensor], *, source_weight: int = SOURCE_WEIGHT
) -> int:
    """Move the running statistics of all batch normalisation towards the target's, in place.

    With n pictures of the target they become (source_weight · source + n · target) / (source_weight + n): a
    few pictures move them a little, and thousands replace them. Weights stay as they are.

    Args:
        network: Any network; it is left in evaluation mode.
        batches: Prepared pictures (N, 3, H, W), two or more in each.
        source_weight: Number of target pictures that weigh as much as the source; 0 ignores the source.

    Returns:
        The number of pictures seen.

    Raises:
        TooFewSamplesError: There were no pictures.

    Source:
        Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation",
        NeurIPS 2020; Li et al., "Revisiting Batch Normalization For Practical Domain Adaptation", 2016.
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    source = [_statistics(layer) for layer in layers]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    num = 0
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # a mean over batches, each weighing the same
            layer.train()
        with torch.inference_mode():
            for images in batches:
                network(images)
                num += len(images)
    finally:
        network.eval()
        share = num / (num + source_weight) if num else 0.0
        for layer, (mean, variance), momentum in zip(layers, source, momenta, strict=True):
            layer.momentum = momentum
            _mix(layer, mean, variance, share)
    if num == 0:
        raise TooFewSamplesError("Expected pictures of the target to re-estimate statistics on, got none.")
    return num


def _statistics(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    if layer.running_mean is None or layer.running_var is None:
        raise TypeError(f"Expected batch normalisation with running statistics, got {layer}.")
    return layer.running_mean.clone(), layer.running_var.clone()


def _mix(layer: _BatchNorm, mean: Tensor, variance: Tensor, share: float) -> None:
    own_mean, own_variance = _statistics(layer)
    with torch.no_grad():
        layer.running_mean = torch.lerp(mean, own_mean, share)
        layer.running_var = torch.lerp(variance, own_variance, share)
