"""The network of the other servers: torchvision's ResNet-18 and transforms, as its documentation shows."""

from io import BytesIO

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms
from torchvision.models import resnet18

_PREPARE = transforms.Compose(  # type: ignore[no-untyped-call]  # torchvision comes without types
    [
        transforms.Resize(256),  # type: ignore[no-untyped-call]  # likewise
        transforms.CenterCrop(224),  # type: ignore[no-untyped-call]  # likewise
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),  # type: ignore[no-untyped-call]  # likewise
    ]
)


def load_network() -> nn.Module:
    """Return the network in evaluation mode, on one thread: with more, workers get into each other's way."""
    torch.set_num_threads(1)
    network: nn.Module = resnet18(num_classes=2)
    return network.eval()


def prepare(content: bytes) -> Tensor:
    """Return the network's input (3, 224, 224) of an encoded image."""
    prepared: Tensor = _PREPARE(Image.open(BytesIO(content)).convert("RGB"))
    return prepared


def classify(network: nn.Module, images: Tensor) -> list[dict[str, float | int]]:
    """Return the likeliest class of each image (N, 3, 224, 224) with its confidence."""
    with torch.inference_mode():
        confidences, classes = network(images).softmax(dim=1).max(dim=1)
    return [
        {"label": label, "confidence": confidence}
        for label, confidence in zip(classes.tolist(), confidences.tolist(), strict=True)
    ]
