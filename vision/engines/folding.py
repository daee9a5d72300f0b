"""Batch normalisation folded into the convolutions before it, and how such a change is tried first."""

import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vision.engines.engine import Answering
from vision.network import Classifier

# Side of the image on which a network is tried; every one of the zoo takes it.
_TRIED_SIZE = 64

# Of the largest number: float32 rounds a tenth of it otherwise, a step in another order changes far more.
_TOLERANCE = 1e-4

_log = logging.getLogger(__name__)

# By the change and the network's modules: whether it answers the same afterwards.
_equivalent: dict[tuple[str, tuple[tuple[str, type], ...]], bool] = {}


def folded(classifier: Classifier) -> Answering:
    """Return what answers logits and embeddings, with batch normalisation folded into convolutions.

    The classifier, in evaluation mode, is taken over. Nothing is traced, since torch.fx patches every module
    of the process meanwhile, those that answer too. A network that would answer something else afterwards is
    left as it is.
    """
    network = Answering(classifier).eval()
    apply_if_equivalent(network, _fold_neighbours)
    return network


def apply_if_equivalent(network: nn.Module, change: Callable[[nn.Module], None]) -> None:
    """Change a network in place, if those that are built like it answer the same afterwards.

    That is tried on copies, once for each kind of network. The change may not replace the network itself.
    """
    kind = (change.__name__, tuple((name, type(module)) for name, module in network.named_modules()))
    if kind not in _equivalent:
        _equivalent[kind] = _is_equivalent(network, change)
    if _equivalent[kind]:
        change(network)


def _is_equivalent(network: nn.Module, change: Callable[[nn.Module], None]) -> bool:
    # Where float32 is float32: CUDA rounds products of it by default.
    plain = deepcopy(network).float().cpu()
    changed = deepcopy(plain)
    # A generator of its own: who trains with a seed must not see a draw.
    images = torch.rand(2, 3, _TRIED_SIZE, _TRIED_SIZE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        try:
            change(changed)
            is_same = all(
                float((found - wanted).abs().max()) <= _TOLERANCE * float(wanted.abs().max())
                for found, wanted in zip(changed(images), plain(images), strict=True)
            )
        except RuntimeError as error:
            _log.info("a network can't be changed by %s: %s", change.__name__, error)
            return False
    if not is_same:
        _log.info("a network is left as it is: its parts run in another order (%s)", change.__name__)
    return is_same


def _fold_neighbours(network: nn.Module) -> None:
    """Fold each batch normalisation that stands right behind a convolution into it."""
    for parent, convolution, norm_name, norm in _neighbours(network):
        assert norm.running_mean is not None  # as _neighbours gives it
        assert norm.running_var is not None
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        setattr(parent, norm_name, nn.Identity())


def fold_names(network: nn.Module) -> None:
    """Change an empty network, in place, to have the names and shapes of what `folded` makes of full ones."""
    for parent, convolution, norm_name, norm in _neighbours(network):
        convolution.bias = nn.Parameter(torch.empty(norm.num_features, device="meta"))
        setattr(parent, norm_name, nn.Identity())


def _neighbours(network: nn.Module) -> Iterator[tuple[nn.Module, nn.Conv2d, str, nn.BatchNorm2d]]:
    for parent in network.modules():
        for (_, convolution), (norm_name, norm) in pairwise(list(parent.named_children())):
            if type(convolution) is not nn.Conv2d or type(norm) is not nn.BatchNorm2d:
                continue
            if norm.running_mean is not None and norm.running_var is not None:
                yield parent, convolution, norm_name, norm
