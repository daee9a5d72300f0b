"""From labelled images to an artifact: weights, a temperature, and what drift is compared to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np
import torch

from vision.artifact import Artifact
from vision.augmentation import Level, augmented
from vision.diagnosis import Diagnosis
from vision.errors import TooFewSamplesError
from vision.evaluation import evaluate_logits, fit_temperature
from vision.image_set import ImageSource, LabelRecorder, PreparedImages
from vision.network import Weights, build_classifier
from vision.preprocessing import ImageLimits, Preprocessing, decode_image, preprocessing_for
from vision.strategies import Run, Strategy, check_strategy, choose_strategy, run_strategy
from vision.training import Epoch
from vision.weights import bundled
from vision.zoo import find_backbone

__all__ = ["ImageSource", "Strategy", "TransferResult", "TransferSettings", "choose_strategy", "transfer"]

MAX_REFERENCE_EMBEDDINGS = 1000
_NUM_IMAGES_MEASURED = 50
_SIZES = (32, 64, 96, 128)


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How to make a classifier of labelled images.

    Attributes:
        backbone: A name in the zoo.
        weights: "default", "bundled", "none" or a file of the backbone's weights.
        strategy: "auto", or a strategy's name.
        image_size: Side of the network's input in pixels; None takes the pretrained one, or, from scratch and
            with the bundled weights, the nearest to the images' own size of a few up to 128.
        epochs: At most; None takes the strategy's own number.
        batch_size: Images a step; None takes the strategy's own.
        learning_rate: None takes the strategy's own.
        augmentation: "none", "gentle" (no mirror: digits, letters), "basic" or "strong".
        balances_classes: Weigh rare classes higher in the loss.
        patience: Epochs without improvement after which to stop; None takes the strategy's own.
        seed: Fixes the fresh weights, order and augmentation.
        num_threads: Of torch on the CPU; None leaves it as it is.
        loader_threads: Threads that decode images ahead; 0 decodes between the steps.
        limits: What one image may cost.
    """

    backbone: str = "resnet18"
    weights: Weights = "default"
    strategy: str = "auto"
    image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    augmentation: Level = "basic"
    balances_classes: bool = False
    patience: int | None = None
    seed: int = 0
    num_threads: int | None = None
    loader_threads: int = 0
    limits: ImageLimits = field(default_factory=ImageLimits)


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A finished transfer.

    Attributes:
        artifact: What to serve.
        epochs: The curves, oldest first.
        best_epoch: The number, from 1, of the epoch that was kept.
        diagnosis: From the errors at the best epoch.
        strategy: The one that was taken.
        validation_accuracy: Of the artifact, in [0, 1].
    """

    artifact: Artifact
    epochs: tuple[Epoch, ...]
    best_epoch: int
    diagnosis: Diagnosis
    strategy: Strategy
    validation_accuracy: float


def transfer(
    training_images: ImageSource,
    validation_images: ImageSource,
    class_names: Sequence[str],
    settings: TransferSettings,
    *,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[Epoch], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> TransferResult:
    """Train a classifier of these classes.

    Args:
        training_images: Encoded images with their class's index; read anew in every epoch.
        validation_images: Likewise; everything is chosen on them, and drift is compared to their embeddings.
        class_names: In the order of the indices.
        settings: How.
        device: Where to train.
        on_epoch: Called after each epoch, numbered through.
        on_batch: Called after each step with (steps done, steps at most) of the phase at hand.

    Raises:
        UnknownBackboneError, UnknownStrategyError, ImageSizeError: The settings ask for what there is not.
        WeightsUnavailableError, WeightsMismatchError: The pretrained weights can't be had.
        TooFewSamplesError: A set is empty.
        ImageError: An image can't be decoded.
    """
    if len(training_images) == 0 or len(validation_images) == 0:
        raise TooFewSamplesError(
            f"Expected images to train and to validate on, got {len(training_images)} and "
            f"{len(validation_images)}."
        )
    strategy = _strategy(settings, len(training_images) // len(class_names))
    preprocessing = _preprocessing(settings, training_images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        classifier = build_classifier(settings.backbone, len(class_names), settings.weights)
    run = Run(
        classifier=classifier,
        training=_prepared(training_images, preprocessing, settings, settings.augmentation),
        plain_training=_prepared(training_images, preprocessing, settings, "none"),
        validation=_prepared(validation_images, preprocessing, settings, "none"),
        overrides=_overrides(settings, training_images, len(class_names)),
        device=device,
        on_epoch=on_epoch,
        on_batch=on_batch,
    )
    trained = run_strategy(strategy, run, is_pretrained=settings.weights != "none")
    unfinished = Artifact(settings.backbone, tuple(class_names), preprocessing, trained.state)
    artifact, accuracy = _finished(unfinished, run, settings.seed)
    return TransferResult(
        artifact,
        trained.epochs,
        trained.best_epoch,
        trained.diagnosis,
        strategy,
        validation_accuracy=accuracy,
    )


def _finished(artifact: Artifact, run: Run, seed: int) -> tuple[Artifact, float]:
    """Add temperature and reference; return the accuracy on validation too."""
    validation = LabelRecorder(run.validation)
    logits, embeddings = evaluate_logits(run.classifier, validation, device=run.device)
    labels = torch.tensor(validation.labels)
    order = np.random.default_rng(seed).permutation(len(embeddings))[:MAX_REFERENCE_EMBEDDINGS]
    reference = embeddings[torch.from_numpy(np.sort(order))].to(torch.float16)
    finished = replace(artifact, temperature=fit_temperature(logits, labels), reference=reference)
    return finished, float((logits.argmax(dim=1) == labels).double().mean())


def _strategy(settings: TransferSettings, samples_per_class: int) -> Strategy:
    if settings.strategy == "auto":
        return choose_strategy(samples_per_class, settings.weights)
    return check_strategy(settings.strategy)


def _preprocessing(settings: TransferSettings, images: ImageSource) -> Preprocessing:
    if settings.image_size is not None or settings.weights not in ("none", "bundled"):
        return preprocessing_for(settings.backbone, settings.image_size)
    # Nothing prescribes a size, and the zoo's own would be wasted on images that have no more to show.
    measured = range(0, len(images), max(1, len(images) // _NUM_IMAGES_MEASURED))
    side = median(min(decode_image(images[index][0], settings.limits).size) for index in measured)
    is_bundled = settings.weights == "bundled"
    smallest = bundled.IMAGE_SIZE if is_bundled else find_backbone(settings.backbone).min_image_size
    sizes = [size for size in _SIZES if size >= smallest]
    return preprocessing_for(settings.backbone, min(sizes, key=lambda size: abs(size - side)))


def _prepared(
    images: ImageSource, preprocessing: Preprocessing, settings: TransferSettings, level: Level
) -> PreparedImages:
    return PreparedImages(images, augmented(preprocessing, level, settings.seed), settings.limits)


def _overrides(settings: TransferSettings, images: ImageSource, num_classes: int) -> dict[str, Any]:
    chosen = {
        name: getattr(settings, name)
        for name in ("epochs", "batch_size", "learning_rate", "patience")
        if getattr(settings, name) is not None
    }
    if settings.balances_classes:
        labels = torch.tensor([images[index][1] for index in range(len(images))])
        counts = torch.bincount(labels, minlength=num_classes).clamp(min=1).double()
        chosen["class_weights"] = tuple((counts.mean() / counts).tolist())
    same = {name: getattr(settings, name) for name in ("seed", "num_threads", "loader_threads")}
    return {**chosen, **same}
