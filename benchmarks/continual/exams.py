"""Accuracies on unseen pictures, and what continual learning is judged by."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from benchmarks.photographs import Photograph
from vision.artifact import Artifact
from vision.decoding import ImageLimits
from vision.network import Classifier
from vision.preprocessing import prepare

_BATCH = 250


class Exams:
    """Pictures prepared once, on which any number of networks is asked.

    Args:
        start: The artifact whose preprocessing and classes all networks share.
        pictures: By what they are of.
    """

    def __init__(self, start: Artifact, pictures: Mapping[str, Sequence[Photograph]]) -> None:
        limits = ImageLimits()
        self._images = {
            name: torch.stack([prepare(each.content, start.preprocessing, limits) for each in part])
            for name, part in pictures.items()
        }
        self._labels = {
            name: torch.tensor([start.class_names.index(each.label) for each in part])
            for name, part in pictures.items()
        }

    def accuracies(self, classifier: Classifier) -> dict[str, float]:
        """Return the accuracy on each exam, in points."""
        classifier.eval()
        return {name: self._accuracy(classifier, name) for name in self._images}

    def _accuracy(self, classifier: Classifier, name: str) -> float:
        is_right = self._answers(classifier, name) == self._labels[name]
        return round(100 * float(is_right.double().mean()), 2)

    def _answers(self, classifier: Classifier, name: str) -> Tensor:
        with torch.inference_mode():
            parts = torch.split(self._images[name], _BATCH)
            return torch.cat([classifier(part).argmax(dim=1) for part in parts])


def forgetting(history: Sequence[Mapping[str, float]]) -> float:
    """Return how many points were lost on average on what was learnt before the last round.

    Args:
        history: Accuracy by exam after the start and after each round; the exams in the order in which they
            are learnt.

    Source:
        Chaudhry et al., "Riemannian Walk for Incremental Learning", ECCV 2018: the best accuracy after an
        exam's own round, minus the last one; a gain is negative.
    """
    last, losses = history[-1], []
    for number, name in enumerate(list(last)[: len(history) - 1]):
        losses.append(max(each[name] for each in history[number:-1]) - last[name])
    return round(sum(losses) / len(losses), 2)


def average(accuracies: Mapping[str, float]) -> float:
    """Return the mean over the exams."""
    return round(sum(accuracies.values()) / len(accuracies), 2)
