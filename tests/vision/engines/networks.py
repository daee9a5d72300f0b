"""Networks as engines get them, for the tests of several."""

import torch
from torch import nn

from vision.engines.engine import Answering
from vision.engines.folding import folded
from vision.network import build_classifier


def plain_network(backbone: str = "resnet18") -> Answering:
    """A network whose normalisations shift and scale, folded."""
    torch.manual_seed(0)
    classifier = build_classifier(backbone, 5).eval()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return folded(classifier)
