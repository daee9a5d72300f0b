"""The settings of a transfer, with the strategy and the number of steps that follow from them."""

from dataclasses import dataclass, field, replace
from typing import Any

from vision.adaptation.applying import adapted_steps, num_views_of
from vision.adaptation.choice import choose_adaptations
from vision.adaptation.table import AdaptationName
from vision.augmentation import Level
from vision.decoding import ImageLimits
from vision.errors import ConflictingAdaptationsError
from vision.network import Weights
from vision.training.progress import planned_steps
from vision.training.schedule import Schedule
from vision.training.strategies import Strategy, check_strategy
from vision.training.strategy_choice import strategies_in_turn
from vision.training.training import OptimizerName


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How to make a classifier of labelled images.

    Attributes:
        backbone: A name in the zoo.
        weights: "default", "bundled", "none" or a file of the backbone's weights.
        strategy: "auto", which is the cheapest that is worth trying, or a strategy's name.
        image_size: Side of the network's input in pixels. None means that of the pretrained weights; from
            scratch and with the bundled weights it means one of 32 to 128, the nearest to the images' own.
        epochs: At most; None means the strategy's own number.
        batch_size: Images a step; None means the strategy's own.
        learning_rate: None means the strategy's own, as for the next three.
        optimizer: Which one makes the steps.
        momentum: That of "sgd".
        schedule: How the rate changes over a run.
        augmentation: "none", "gentle" (no mirror: digits, letters), "basic" or "strong".
        balances_classes: Weigh rare classes higher in the loss.
        num_members: Networks whose probabilities are averaged; 1 is no ensemble.
        patience: Epochs without improvement after which to stop; None means the strategy's own.
        adaptations: How to adapt to a target domain that looks different from the training images.
        seed: Fixes the fresh weights, order and augmentation.
        num_threads: Of torch on the CPU; None leaves it as it is.
        limits: What one image may cost.
    """

    backbone: str = "resnet18"
    weights: Weights = "default"
    strategy: str = "auto"
    image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    optimizer: OptimizerName | None = None
    momentum: float | None = None
    schedule: Schedule | None = None
    augmentation: Level = "basic"
    balances_classes: bool = False
    num_members: int = 1
    patience: int | None = None
    adaptations: tuple[AdaptationName, ...] = ()
    seed: int = 0
    num_threads: int | None = None
    limits: ImageLimits = field(default_factory=ImageLimits)


def strategy_for(settings: TransferSettings, num_training: int, num_classes: int) -> Strategy:
    """Return the strategy for that many training images; for "auto" it is the first that is tried.

    Raises:
        UnknownStrategyError: The settings name an unknown one.
    """
    if settings.strategy == "auto":
        return strategies_in_turn(num_training // num_classes, settings.weights)[0]
    return check_strategy(settings.strategy)


def plan_steps(settings: TransferSettings, num_images: tuple[int, int, int], num_classes: int) -> list[int]:
    """Return the steps of each phase of a transfer, at most.

    Args:
        settings: How to transfer.
        num_images: Images to train on, to validate on, and without labels.
        num_classes: How many classes there are.
    """
    num_training, num_validation, num_unlabelled = num_images
    settings = settled(settings, num_unlabelled)
    adapted = adapted_steps(settings.adaptations, num_training, num_unlabelled)
    return adapted + planned_steps(
        strategy_for(settings, num_training, num_classes),
        (num_training, num_validation),
        fixed_fields(settings),
        is_pretrained=settings.weights != "none",
        num_members=settings.num_members,
        num_views=num_views_of(settings.adaptations),
    )


def settled(settings: TransferSettings, num_unlabelled: int) -> TransferSettings:
    """Return the settings with the adaptations in order, and the strategy that they ask for.

    Raises:
        AdaptationError: An adaptation is unknown, lacks pictures, or does not go with the other settings.
    """
    adaptations, strategy = choose_adaptations(
        settings.adaptations,
        strategy=settings.strategy,
        backbone=settings.backbone,
        weights=settings.weights,
        num_unlabelled=num_unlabelled,
    )
    if adaptations and settings.num_members > 1:
        raise ConflictingAdaptationsError(
            f"Expected an ensemble or adaptations, got {settings.num_members} members and "
            f"{', '.join(adaptations)}. Leave one of them out."
        )
    return replace(settings, adaptations=adaptations, strategy=strategy)


def fixed_fields(settings: TransferSettings) -> dict[str, Any]:
    """Return the fields of TrainingSettings that the settings fix."""
    named = ("epochs", "batch_size", "learning_rate", "optimizer", "momentum", "schedule", "patience")
    chosen = {name: getattr(settings, name) for name in named if getattr(settings, name) is not None}
    return {**chosen, "seed": settings.seed, "num_threads": settings.num_threads}
