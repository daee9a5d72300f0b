"""The accuracy of exported versions on what the system has never seen."""

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.photographs import Photograph, World
from vision.artifact import Artifact, from_files
from vision.decoding import ImageLimits
from vision.preprocessing import prepare


def accuracies(export: Path, world: World) -> tuple[float, float]:
    """Return a version's accuracy by day and by night, in points.

    It runs here, so that not even the server sees these pictures.
    """
    artifact = from_files({file.name: file.read_bytes() for file in export.iterdir()})
    return _accuracy(artifact, world.unseen_old), _accuracy(artifact, world.unseen_new)


def _accuracy(artifact: Artifact, photographs: Sequence[Photograph]) -> float:
    classifier, limits, num_right = artifact.build("cpu"), ImageLimits(), 0
    with torch.inference_mode():
        for start in range(0, len(photographs), 250):
            part = photographs[start : start + 250]
            images = torch.stack(
                [prepare(photograph.content, artifact.preprocessing, limits) for photograph in part]
            )
            for index, photograph in zip(classifier(images).argmax(dim=1).tolist(), part, strict=True):
                num_right += artifact.class_names[index] == photograph.label
    return round(100 * num_right / len(photographs), 2)
