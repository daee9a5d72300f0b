"""One transfer of a benchmark with its figures, and the figures of several seeds together."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.calibration import expected_calibration_error
from vision.decoding import ImageLimits
from vision.ensemble import Ensemble, mean_logits
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.timing import milliseconds_an_image
from vision.training.strategies import Strategy
from vision.training.strategy_choice import cheapest_within_one_error
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

BATCH_SIZES = (1, 8)
_VALIDATION = 0.15
_NUM_DRAWS = 100

Pair = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """One transfer; accuracies and calibration errors are points, of images that nothing was chosen on.

    Attributes:
        strategy: The one that was used.
        accuracy: Of what would be served.
        validation: Accuracy on validation.
        losses: Of the validation images, one each.
        calibration: Expected calibration error before the temperature, after it, and what honest confidences
            would show on as many images by chance.
        likelihood: Mean negative log-likelihood in nats before and after the temperature.
        seconds: From images to artifact.
        member_accuracy: Mean of an ensemble's members; None for one network.
        milliseconds: An image of one member and of the ensemble, by images a forward; empty for one network.
    """

    strategy: Strategy
    accuracy: float
    validation: float
    losses: Tensor
    calibration: tuple[float, float, float]
    likelihood: tuple[float, float]
    seconds: float
    member_accuracy: float | None
    milliseconds: Mapping[int, Sequence[float]]


def run_transfer(
    training: Sequence[Pair], test: Sequence[Pair], class_names: Sequence[str], settings: TransferSettings
) -> Measured:
    """Cut validation off by the settings' seed, transfer, and measure on test."""
    order = np.random.default_rng(settings.seed).permutation(len(training))
    shuffled = [training[index] for index in order]
    num_validation = round(_VALIDATION * len(shuffled))
    begun = time.monotonic()
    result = transfer(shuffled[num_validation:], shuffled[:num_validation], class_names, settings)
    seconds = time.monotonic() - begun
    logits, by_member, labels = _answers(result.artifact, test)
    member_accuracy = None if by_member is None else _points(by_member.argmax(dim=2) == labels.unsqueeze(1))
    cooled = logits / result.artifact.temperature
    return Measured(
        strategy=result.strategy,
        accuracy=_points(logits.argmax(dim=1) == labels),
        validation=round(100 * result.validation_accuracy, 2),
        losses=result.validation_losses,
        calibration=(_error(logits, labels), _error(cooled, labels), _error_of_honest(cooled)),
        likelihood=(_likelihood(logits, labels), _likelihood(cooled, labels)),
        seconds=seconds,
        member_accuracy=member_accuracy,
        milliseconds=_milliseconds(result.artifact),
    )


def accuracies(runs: Sequence[Measured]) -> dict[str, Any]:
    """Return the mean accuracy over the seeds, and each one's."""
    return {
        "accuracy": round(mean(run.accuracy for run in runs), 2),
        "each": [run.accuracy for run in runs],
        "validation": round(mean(run.validation for run in runs), 2),
    }


def calibration(runs: Sequence[Measured]) -> dict[str, float]:
    """Return the mean calibration error before and after the temperature, of honest ones, and the losses."""
    errors = zip(*(run.calibration for run in runs), strict=True)
    before, after, honest = (round(mean(each), 2) for each in errors)
    losses = zip(*(run.likelihood for run in runs), strict=True)
    loss_before, loss_after = (round(mean(each), 4) for each in losses)
    return {
        "before": before,
        "after": after,
        "honest": honest,
        "nats_before": loss_before,
        "nats_after": loss_after,
    }


def chosen(by_strategy: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """Return what validation would choose with each seed, and the accuracy of that."""
    chosen_runs = []
    for runs in zip(*by_strategy.values(), strict=True):
        strategy = cheapest_within_one_error({run.strategy: run.losses for run in runs})
        chosen_runs.append(next(run for run in runs if run.strategy == strategy))
    return {"strategies": [run.strategy for run in chosen_runs], **accuracies(chosen_runs)}


def ensemble(runs: Sequence[Measured]) -> dict[str, Any]:
    """Return what ensembles are worth against their members, and their milliseconds an image."""
    return {
        **accuracies(runs),
        "one_member": round(mean(run.member_accuracy or 0.0 for run in runs), 2),
        "milliseconds": {
            str(size): [round(mean(run.milliseconds[size][which] for run in runs), 2) for which in (0, 1)]
            for size in BATCH_SIZES
        },
    }


def _answers(artifact: Artifact, test: Sequence[Pair]) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return logits (N, C), an ensemble's members' own (N, members, C), and classes (N,)."""
    images = LabelRecorder(
        PreparedImages(list(test), augmented(artifact.preprocessing, "none"), ImageLimits())
    )
    classifier = artifact.build()
    if isinstance(classifier, Ensemble):
        each, _ = evaluate_logits(classifier, images, forward=classifier.classify_each)
        return mean_logits(each), each, torch.tensor(images.labels)
    logits, _ = evaluate_logits(classifier, images)
    return logits, None, torch.tensor(images.labels)


def _error(logits: Tensor, labels: Tensor) -> float:
    return 100 * expected_calibration_error(logits.numpy(), labels.numpy())


def _error_of_honest(logits: Tensor) -> float:
    """Return the mean error where classes are drawn as the confidences say, so that these are honest."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(logits.softmax(dim=1), _NUM_DRAWS, replacement=True, generator=generator)
    return mean(_error(logits, classes) for classes in drawn.T)


def _likelihood(logits: Tensor, labels: Tensor) -> float:
    return float(cross_entropy(logits, labels))


def _milliseconds(artifact: Artifact) -> dict[int, list[float]]:
    classifier = artifact.build()
    if not isinstance(classifier, Ensemble):
        return {}
    both, size = [classifier.member(0), classifier], artifact.preprocessing.image_size
    return {batch_size: milliseconds_an_image(both, size, batch_size) for batch_size in BATCH_SIZES}


def _points(is_right: Tensor) -> float:
    return round(100 * float(is_right.double().mean()), 2)
