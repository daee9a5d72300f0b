"""Measures how long classifiers take for an image."""

import time
from statistics import median

import torch

from vision.network import Classifier

_NUM_FORWARDS = 15


def milliseconds_an_image(
    classifiers: list[Classifier], image_size: int, batch_size: int, device: torch.device | str = "cpu"
) -> list[float]:
    """Return each classifier's milliseconds an image: the median of several forwards, on noise.

    The classifiers take turns, so that other load on the machine affects all of them.

    Args:
        classifiers: On the device, in evaluation mode.
        image_size: Side of the input in pixels.
        batch_size: Images a forward.
        device: Where they are.
    """
    images = torch.randn(batch_size, 3, image_size, image_size, device=device)
    seconds: list[list[float]] = [[] for _ in classifiers]
    with torch.inference_mode():
        for turn in range(1 + _NUM_FORWARDS):
            for number, classifier in enumerate(classifiers):
                begun = time.perf_counter()
                # The copy to the CPU waits until the device is done.
                classifier(images).cpu()
                # The first turn only warms up.
                if turn > 0:
                    seconds[number].append(time.perf_counter() - begun)
    return [1000 * median(each) / batch_size for each in seconds]
