"""The convolutions of a ResNet's block, by what they do in it."""

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

Block = BasicBlock | Bottleneck


def convolutions_of(block: Block) -> dict[str, nn.Conv2d]:
    """Return the convolutions that run one after the other, by their names in the block."""
    names = ("conv1", "conv2", *(("conv3",) if isinstance(block, Bottleneck) else ()))
    return {name: getattr(block, name) for name in names}


def shortcut_of(block: Block) -> nn.Conv2d | None:
    """Return the convolution of what is added to their result; None where that is what the block is given."""
    if block.downsample is None:
        return None
    shrinking = next(block.downsample.children())
    assert isinstance(shrinking, nn.Conv2d)  # as torchvision builds it
    return shrinking
