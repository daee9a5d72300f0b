"""Torch on the CPU: convolutions and their batch normalisation fused, channels last, bfloat16 on request."""

import logging
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vision.engines.engine import Answering
from vision.engines.kind import Precision
from vision.network import Classifier

_log = logging.getLogger(__name__)

# Side of the image on which fused and plain are compared; every network of the zoo takes it.
_TRIED_SIZE = 64

_DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TorchEngine:
    """Runs a classifier with torch on the CPU."""

    def __init__(self, classifier: Classifier, precision: Precision = "float32") -> None:
        """Take a classifier in evaluation mode; it is copied."""
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
    """Return a copy that answers logits and embeddings, with batch normalisation folded into convolutions.

    Nothing is traced, since torch.fx patches every module of the process meanwhile, those that answer too.
    A network that would answer something else when fused is copied as it is.
    """
    plain = Answering(deepcopy(classifier)).eval()
    network = deepcopy(plain)
    _fuse_neighbours(network)
    images = torch.rand(1, 3, _TRIED_SIZE, _TRIED_SIZE, device=next(plain.parameters()).device)
    with torch.inference_mode():
        if torch.allclose(plain(images)[0], network(images)[0], rtol=1e-3, atol=1e-3):
            return network
    _log.info("%s is not fused: its parts run in another order", classifier.backbone_name)
    return plain


def _fuse_neighbours(network: nn.Module) -> None:
    """Fold each batch normalisation that stands right behind a convolution into it."""
    for parent in network.modules():
        for (name, convolution), (norm_name, norm) in pairwise(list(parent.named_children())):
            if type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                setattr(parent, name, fuse_conv_bn_eval(convolution, norm))
                setattr(parent, norm_name, nn.Identity())
