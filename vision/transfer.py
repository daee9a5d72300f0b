"""Trains an artifact on labelled images: weights, a temperature, and the reference for drift."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vision.adaptation.applying import Pictures, run_adapted
from vision.adaptation.table import AdaptationName
from vision.artifact import Artifact
from vision.augmentation import Level, augmented
from vision.calibration import fit_temperature
from vision.decoding import decode_image
from vision.errors import TooFewSamplesError
from vision.evaluation import evaluate_logits
from vision.image_set import ImageSource, LabelRecorder, PreparedImages
from vision.network import Classifier, build_classifier
from vision.preprocessing import Preprocessing, preprocessing_for
from vision.training.diagnosis import Diagnosis
from vision.training.ensemble_training import Members, Plain, train_members
from vision.training.progress import RunProgress
from vision.training.strategies import Run, Strategy
from vision.training.training import Epoch
from vision.transfer_settings import TransferSettings, fixed_fields, plan_steps, settled, strategy_for
from vision.weights import bundled
from vision.zoo import find_backbone

MAX_REFERENCE_EMBEDDINGS = 1000
_NUM_IMAGES_MEASURED = 50
_SIZES = (32, 64, 96, 128)


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A finished transfer.

    Attributes:
        artifact: What to serve.
        epochs: The curves, oldest first.
        best_epoch: The number, from 1, of the epoch that was kept.
        diagnosis: From the errors at the best epoch.
        strategy: The one that was used.
        adaptations: Those that were used, in the order of the table.
        validation_accuracy: Of the artifact, in [0, 1]; cross-validated if it has learnt from these images.
        validation_losses: Cross-entropy (N,) in nats of each validation image, at the temperature that suits
            them, by what training images alone have taught: alike for all strategies, to compare them.
        member_accuracies: Of each member of an ensemble on validation, in [0, 1]; else empty.
        plain: The single linear probe that an ensemble of probes has to beat.
        unseen_logits: Logits (N, C) of the training images, then the validation images, by solutions that
            have not learnt from them; None if the artifact has not learnt from validation images.
    """

    artifact: Artifact
    epochs: tuple[Epoch, ...]
    best_epoch: int
    diagnosis: Diagnosis
    strategy: Strategy
    adaptations: tuple[AdaptationName, ...]
    validation_accuracy: float
    validation_losses: Tensor
    member_accuracies: tuple[float, ...] = ()
    plain: Plain | None = None
    unseen_logits: Tensor | None = None


def transfer(
    training_images: ImageSource,
    validation_images: ImageSource,
    class_names: Sequence[str],
    settings: TransferSettings,
    *,
    unlabelled: ImageSource | None = None,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[Epoch], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> TransferResult:
    """Train a classifier of these classes.

    Args:
        training_images: Encoded images with their class's index; read anew in every epoch.
        validation_images: Likewise. All choices are made on them, and drift is compared to their embeddings.
            A head without fine-tuning learns from them after the last choice.
        class_names: In the order of the indices.
        settings: How to train.
        unlabelled: Pictures of the target domain, for the adaptations that learn from them; their class
            indices are not read.
        device: Where to train.
        on_epoch: Called after each epoch; the numbers go on over all phases.
        on_batch: Called after each step with (steps done, steps at most) of all phases together.

    Raises:
        UnknownBackboneError, UnknownStrategyError, ImageSizeError: The settings name something that doesn't
            exist.
        WeightsUnavailableError, WeightsMismatchError: The pretrained weights can't be loaded.
        AdaptationError: An adaptation is unknown, lacks pictures, or does not go with the other settings.
        TooFewSamplesError: A set is empty.
        ImageError: An image can't be decoded.
    """
    if len(training_images) == 0 or len(validation_images) == 0:
        raise TooFewSamplesError(
            f"Expected images to train and to validate on, got {len(training_images)} and "
            f"{len(validation_images)}."
        )
    num_images = len(training_images), len(validation_images), len(unlabelled or ())
    settings = settled(settings, num_images[2])
    strategy = strategy_for(settings, num_images[0], len(class_names))
    preprocessing = _preprocessing(settings, training_images)
    if on_batch is not None:
        on_batch = RunProgress(plan_steps(settings, num_images, len(class_names)), on_batch)

    def make_run(member: int) -> Run:
        seeded = replace(settings, seed=settings.seed + member)
        return Run(
            classifier=_fresh(seeded, len(class_names)),
            training=_prepared(training_images, preprocessing, seeded, settings.augmentation),
            plain_training=_prepared(training_images, preprocessing, seeded, "none"),
            validation=_prepared(validation_images, preprocessing, seeded, "none"),
            overrides=_overrides(seeded, training_images, len(class_names)),
            device=device,
            on_epoch=on_epoch,
            on_batch=on_batch,
        )

    is_pretrained = settings.weights != "none"
    if settings.adaptations:
        run, pictures = (
            make_run(0),
            Pictures(
                training_images,
                validation_images,
                unlabelled or (),
                preprocessing,
                settings.augmentation,
                settings.seed,
                settings.limits,
            ),
        )
        trained = run_adapted(settings.adaptations, strategy, run, pictures, is_pretrained=is_pretrained)
        members = Members(run.classifier, trained)
    else:
        members = train_members(strategy, settings.num_members, make_run, is_pretrained=is_pretrained)
    artifact = Artifact(
        settings.backbone,
        tuple(class_names),
        preprocessing,
        members.result.state,
        num_members=settings.num_members,
        num_own_groups=members.num_own_groups,
    )
    validation = _prepared(validation_images, preprocessing, settings, "none")
    artifact, logits, labels = _finished(artifact, members, validation, settings.seed, device)
    return TransferResult(
        artifact,
        members.result.epochs,
        members.result.best_epoch,
        members.result.diagnosis,
        strategy,
        settings.adaptations,
        validation_accuracy=float((logits.argmax(dim=1) == labels).double().mean()),
        validation_losses=_losses(members.result.comparable, logits, labels),
        member_accuracies=members.accuracies,
        plain=members.plain,
        unseen_logits=_unseen_logits(members, *num_images[:2]),
    )


def _finished(
    artifact: Artifact, members: Members, images: PreparedImages, seed: int, device: torch.device | str
) -> tuple[Artifact, Tensor, Tensor]:
    """Add temperature and reference; also return the validation images' logits, unseen, and classes."""
    validation = LabelRecorder(images)
    logits, embeddings = evaluate_logits(members.classifier, validation, device=device)
    labels = torch.tensor(validation.labels)
    order = np.random.default_rng(seed).permutation(len(embeddings))[:MAX_REFERENCE_EMBEDDINGS]
    reference = embeddings[torch.from_numpy(np.sort(order))].to(torch.float16)
    unseen = members.result.unseen
    temperature = fit_temperature(*((logits, labels) if unseen is None else (unseen.logits, unseen.labels)))
    if unseen is not None and members.result.has_learnt_validation:
        logits, labels = unseen.validation(len(labels))
    return replace(artifact, temperature=temperature, reference=reference), logits, labels


def _unseen_logits(members: Members, num_training: int, num_validation: int) -> Tensor | None:
    unseen = members.result.unseen
    if unseen is None or not members.result.has_learnt_validation:
        return None
    return unseen.logits_of(num_training, num_validation)


def _losses(comparable: Tensor | None, logits: Tensor, labels: Tensor) -> Tensor:
    # Other views of the same images come after them.
    own = logits if comparable is None else comparable[: len(labels)]
    return cross_entropy(own / fit_temperature(own, labels), labels, reduction="none")


def _fresh(settings: TransferSettings, num_classes: int) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return build_classifier(settings.backbone, num_classes, settings.weights)


def _preprocessing(settings: TransferSettings, images: ImageSource) -> Preprocessing:
    if settings.image_size is not None or settings.weights not in ("none", "bundled"):
        return preprocessing_for(settings.backbone, settings.image_size)
    # Nothing prescribes a size, and the zoo's own would be wasted on small images.
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
    if not settings.balances_classes:
        return fixed_fields(settings)
    labels = torch.tensor([images[index][1] for index in range(len(images))])
    counts = torch.bincount(labels, minlength=num_classes).clamp(min=1).double()
    return {**fixed_fields(settings), "class_weights": tuple((counts.mean() / counts).tolist())}
