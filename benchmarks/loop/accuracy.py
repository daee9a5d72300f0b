"""The accuracy of exported versions on what the system has never seen."""

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.photographs import Photograph, World
from vision.artifact import Artifact, from_files
from vision.decoding import ImageLimits
from vision.network import Classifier
from vision.preprocessing import prepare


def accuracies(export: Path, world: World) -> tuple[float, float]:
    """Return a version's accuracy by day and by night, in points.

    It runs here, so that not even the server sees these pictures.
    """
    artifact = from_files({file.name: file.read_bytes() for file in export.iterdir()})
    return accuracies_of(artifact.build("cpu"), artifact, world)


def accuracies_of(classifier: Classifier, artifact: Artifact, world: World) -> tuple[float, float]:
    """Return a network's accuracy by day and by night, in points.

    Args:
        classifier: The network.
        artifact: Whose preprocessing and classes it shares.
        world: Its unseen pictures are asked.
    """
    old, new = (_accuracy(classifier, artifact, part) for part in (world.unseen_old, world.unseen_new))
    return old, new


def _accuracy(classifier: Classifier, artifact: Artifact, photographs: Sequence[Photograph]) -> float:
    limits, num_right = ImageLimits(), 0
    classifier.eval()
    with torch.inference_mode():
        for start in range(0, len(photographs), 250):
            part = photographs[start : start + 250]
            images = torch.stack(
                [prepare(photograph.content, artifact.preprocessing, limits) for photograph in part]
            )
            for index, photograph in zip(classifier(images).argmax(dim=1).tolist(), part, strict=True):
                num_right += artifact.class_names[index] == photograph.label
    return round(100 * num_right / len(photographs), 2)
