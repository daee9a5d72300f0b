"""How long a network takes for one image."""

import time
from statistics import median

import torch

from vision.network import Classifier

_NUM_TIMED = 15


def milliseconds_an_image(classifier: Classifier, image_size: int, device: str) -> float:
    """Return the median time of a forward of one image, from tensor to logits, in milliseconds."""
    image = torch.zeros(1, 3, image_size, image_size, device=device)
    classifier.to(device).eval()
    seconds = []
    with torch.inference_mode():
        for _ in range(_NUM_TIMED + 1):
            begun = time.perf_counter()
            # Reading the answer waits for a device that works on its own.
            classifier(image).cpu()
            seconds.append(time.perf_counter() - begun)
    return 1000 * median(seconds[1:])
