"""Torch on the CPU: convolutions and their batch normalisation fused, channels last, bfloat16 on request."""

import logging
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from vision.engines.engine import Answering
from vision.engines.kind import Precision
from vision.network import Classifier

_log = logging.getLogger(__name__)

# Side of the image on which fused and plain are compared; every network of the zoo takes it.
_TRIED_SIZE = 64

# Whether networks with these modules answer the same when fused.
_bearing: dict[tuple[tuple[str, type], ...], bool] = {}

_DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TorchEngine:
    """Runs a classifier with torch on the CPU."""

    def __init__(self, classifier: Classifier, precision: Precision = "float32") -> None:
        """Take over a classifier in evaluation mode."""
        self.name = "torch" if precision == "float32" else f"torch in {precision}"
        self._dtype = _DTYPES[precision]
        self._network = fused(classifier).to(self._dtype).to(memory_format=torch.channels_last)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        with torch.inference_mode():
            inputs = images.to(self._dtype, memory_format=torch.channels_last)
            logits, embeddings = self._network(inputs)
            return logits.float(), embeddings.float()


def fused(classifier: Classifier) -> nn.Module:
    """Return what answers logits and embeddings, with batch normalisation folded into convolutions.

    The classifier, in evaluation mode, is taken over. Nothing is traced, since torch.fx patches every module
    of the process meanwhile, those that answer too. A network that would answer something else when fused is
    left as it is.
    """
    network = Answering(classifier).eval()
    if _bears_fusing(network):
        _fuse_neighbours(network)
    return network


def _bears_fusing(network: nn.Module) -> bool:
    """Return whether networks built like this one answer the same when fused; tried on a copy, once."""
    kind = tuple((name, type(module)) for name, module in network.named_modules())
    if kind not in _bearing:
        copy = deepcopy(network)
        _fuse_neighbours(copy)
        images = torch.rand(1, 3, _TRIED_SIZE, _TRIED_SIZE, device=next(network.parameters()).device)
        with torch.inference_mode():
            _bearing[kind] = torch.allclose(network(images)[0], copy(images)[0], rtol=1e-3, atol=1e-3)
        if not _bearing[kind]:
            _log.info("a network is not fused: its parts run in another order")
    return _bearing[kind]


def _fuse_neighbours(network: nn.Module) -> None:
    """Fold each batch normalisation that stands right behind a convolution into it."""
    for parent in network.modules():
        for (_, convolution), (norm_name, norm) in pairwise(list(parent.named_children())):
            if type(convolution) is not nn.Conv2d or type(norm) is not nn.BatchNorm2d:
                continue
            if norm.running_mean is not None and norm.running_var is not None:
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
