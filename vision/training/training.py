"""Trains a network in one run, and returns its best weights and its curves."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from vision.batches import EpochAware, LabelledTensors, in_parts, into_batches, laid_out, load, pieces
from vision.engines.kind import Precision
from vision.errors import TooFewSamplesError, TrainingDivergedError
from vision.evaluation import Unseen
from vision.training.diagnosis import Diagnosis, diagnose
from vision.training.freezing import Parameters, only_trainable, set_training_modes
from vision.training.schedule import Schedule, rate_at
from vision.training.seeding import seeded

OptimizerName = Literal["sgd", "adam", "adamw"]
# Returns a differentiable scalar of images (N, …), logits (N, C) and the images' indices in the training set.
Penalty = Callable[[Tensor, Tensor, Sequence[int]], Tensor]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: Passes over the training set, at most.
        batch_size: Images a step.
        learning_rate: The schedule's peak; a parameter group with a rate of its own keeps that.
        optimizer: "sgd" with momentum, "adam", or "adamw", whose decay is apart from its steps.
        momentum: SGD's only, in [0, 1).
        weight_decay: Of the optimizer.
        schedule: "step" (a tenth every 7 epochs), "cosine" (rises over the first tenth, then falls to 0),
            "warm_up" (rises from a hundredth over six tenths, then falls to 0) or "constant".
        patience: Epochs without improvement after which to stop; None never stops early.
        keeps_best: Keep the epoch that was best on validation; else the last one.
        keeps_statistics: Batch normalisation uses its running statistics, as in serving, instead of the
            batch's, and leaves them as they are.
        in_pieces: On a CPU, send a batch through the network in pieces and add up the gradients: the same
            step with two thirds of the memory. Needs `keeps_statistics`, and a penalty that is a mean over
            images.
        seed: Fixes order and dropout; on a CPU the same seed gives the same weights.
        num_threads: Of torch on the CPU; None leaves it as it is.
        class_weights: Weight of each class in the loss; None weighs them alike.
        precision: Of the values inside the network and the penalty; with "bfloat16" weights, losses and steps
            stay float32 (torch's autocast).
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: OptimizerName = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Schedule = "step"
    patience: int | None = None
    keeps_best: bool = True
    keeps_statistics: bool = False
    in_pieces: bool = False
    seed: int = 0
    num_threads: int | None = None
    class_weights: tuple[float, ...] | None = None
    precision: Precision = "float32"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's figures. Losses are means of the cross-entropy in nats; accuracies lie in [0, 1].

    The training figures are running means over augmented images, while the weights change.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    training_accuracy: float
    validation_accuracy: float
    seconds: float

    def is_better_than(self, other: "Epoch") -> bool:
        """Return whether validation accuracy is higher, or equal with a lower loss."""
        own = (self.validation_accuracy, -self.validation_loss)
        return own > (other.validation_accuracy, -other.validation_loss)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The outcome of a run.

    Attributes:
        state: The state dict of the kept epoch, on the CPU.
        epochs: The curves, oldest first.
        best_epoch: The number, from 1, of the epoch that `state` is of.
        diagnosis: From the errors at the best epoch.
        unseen: Answers to training and validation images by solutions that have not learnt from them.
        has_learnt_validation: Whether `state` has learnt from validation images; then only `unseen` shows
            what to expect of it.
        comparable: Logits (N, C) of the validation images by what training images alone have taught, to
            compare with other trainings; None where `state` is that.
    """

    state: dict[str, Tensor]
    epochs: tuple[Epoch, ...]
    best_epoch: int
    diagnosis: Diagnosis
    unseen: Unseen | None = None
    has_learnt_validation: bool = False
    comparable: Tensor | None = None


def curves_of(epochs: Sequence[Epoch], best_epoch: int, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the curves of a run as they are stored: values that JSON can hold."""
    return {
        "epochs": [asdict(epoch) for epoch in epochs],
        "best_epoch": best_epoch,
        "diagnosis": diagnosis,
    }


def fit(
    classifier: nn.Module,
    training: LabelledTensors,
    validation: LabelledTensors,
    settings: TrainingSettings,
    *,
    parameters: Parameters | None = None,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[Epoch], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
    on_piece: Callable[[], None] | None = None,
    penalty: Penalty | None = None,
) -> TrainingResult:
    """Train a classifier; it keeps the weights of its best epoch on validation, or of its last.

    Args:
        classifier: Any network from tensors (N, …) to logits (N, C); moved to the device.
        training: What to learn from.
        validation: What to choose the epoch on.
        settings: How to train.
        parameters: What to train, as parameters or as groups for a torch optimizer (with their own "lr", if
            they have one); None trains what requires a gradient. The rest is frozen, with its statistics.
        device: Where to train.
        on_epoch: Called after each epoch.
        on_batch: Called after each step with (steps done, steps at most).
        on_piece: Called after each piece of a batch, for instance to pause.
        penalty: Added to each step's loss, such as a distance to another network's logits.

    Raises:
        TooFewSamplesError: A set is empty.
        TrainingDivergedError: The loss became infinite or undefined.
    """
    if len(training) == 0 or len(validation) == 0:
        raise TooFewSamplesError(
            f"Expected images to train and to validate on, got {len(training)} and {len(validation)}."
        )
    epochs: list[Epoch] = []
    best: Epoch | None = None
    state: dict[str, Tensor] = {}
    classifier.to(device)
    with (
        seeded(settings.seed, settings.num_threads, torch.device(device)),
        only_trainable(classifier, parameters) as groups,
    ):
        run = _Run(classifier, settings, groups, torch.device(device))
        run.on_batch, run.on_piece, run.penalty = on_batch, on_piece, penalty
        for number in range(1, settings.epochs + 1):
            epochs.append(run.epoch(number, training, validation))
            if on_epoch is not None:
                on_epoch(epochs[-1])
            if best is None or not settings.keeps_best or epochs[-1].is_better_than(best):
                best, state = epochs[-1], snapshot(classifier)
            elif settings.patience is not None and number - best.epoch >= settings.patience:
                break
    if best is None:
        raise TooFewSamplesError(f"Expected one epoch at least, got {settings.epochs}.")
    classifier.load_state_dict(state)
    classifier.eval()
    diagnosis = diagnose(1 - best.training_accuracy, 1 - best.validation_accuracy)
    return TrainingResult(state, tuple(epochs), best.epoch, diagnosis)


class _Run:
    """The state of one run."""

    def __init__(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        groups: list[dict[str, Any]],
        device: torch.device,
    ) -> None:
        self._network = network
        self._settings = settings
        self._device = device
        self.on_batch: Callable[[int, int], None] | None = None
        self.on_piece: Callable[[], None] | None = None
        self.penalty: Penalty | None = None
        self._optimizer = _optimizer(groups, settings)
        self._peaks = [float(group["lr"]) for group in self._optimizer.param_groups]
        self._order = torch.Generator().manual_seed(settings.seed)
        self._step = 0
        weights = settings.class_weights
        self._loss = nn.CrossEntropyLoss(
            weight=None if weights is None else torch.tensor(weights, device=device),
            reduction="sum",
        )

    def epoch(self, number: int, training: LabelledTensors, validation: LabelledTensors) -> Epoch:
        begun = time.monotonic()
        training_loss, training_accuracy = self._train(number, training)
        validation_loss, validation_accuracy = self._validate(validation)
        seconds = time.monotonic() - begun
        return Epoch(number, training_loss, validation_loss, training_accuracy, validation_accuracy, seconds)

    def _train(self, number: int, dataset: LabelledTensors) -> tuple[float, float]:
        if isinstance(dataset, EpochAware):
            dataset.set_epoch(number)
        order = torch.randperm(len(dataset), generator=self._order).tolist()
        batches = into_batches(order, self._settings.batch_size, merge_single=True)
        # Batch normalisation can't compute statistics of one image.
        keeps_statistics = self._settings.keeps_statistics or len(batches[0]) == 1
        set_training_modes(self._network, keeps_statistics=keeps_statistics)
        loss_sum, num_right = 0.0, 0
        for indices, (images, labels) in zip(batches, load(dataset, batches), strict=True):
            self._set_rates(len(batches) * self._settings.epochs)
            loss, right = self._learn(laid_out(images.to(self._device)), labels.to(self._device), indices)
            if self.on_batch is not None:
                self.on_batch(self._step, len(batches) * self._settings.epochs)
            if not math.isfinite(loss):
                raise TrainingDivergedError(
                    f"The loss became {loss} in epoch {number}; use a lower learning rate than "
                    f"{self._settings.learning_rate}."
                )
            loss_sum += loss * len(images)
            num_right += right
        return loss_sum / len(dataset), num_right / len(dataset)

    def _set_rates(self, num_steps: int) -> None:
        rate = rate_at(self._settings.schedule, self._step, num_steps, self._settings.epochs)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * rate

    def _learn(self, images: Tensor, labels: Tensor, indices: Sequence[int]) -> tuple[float, int]:
        self._optimizer.zero_grad(set_to_none=True)
        loss_sum, total, num_right, divisor = 0.0, 0.0, 0, self._divisor(labels)
        is_cut = self._settings.in_pieces and self._device.type == "cpu"
        for part in pieces(images) if is_cut else [slice(None)]:
            logits = self._logits(images[part])
            loss = self._loss(logits, labels[part]) / divisor
            penalised = loss
            if self.penalty is not None:
                share = len(logits) / len(images)
                with self._autocast():
                    penalty = self.penalty(images[part], logits, indices[part])
                penalised = loss + share * penalty
            penalised.backward()
            loss_sum, total = loss_sum + float(loss.detach()), total + float(penalised.detach())
            num_right += int((logits.argmax(dim=1) == labels[part]).sum())
            if self.on_piece is not None:
                self.on_piece()
        self._optimizer.step()
        self._step += 1
        # A penalty that is not finite has spoilt the weights just as a loss would.
        return loss_sum if math.isfinite(total) else math.nan, num_right

    def _logits(self, images: Tensor) -> Tensor:
        """Return the network's logits, float32."""
        with self._autocast():
            logits: Tensor = self._network(images)
        return logits.float()

    def _autocast(self) -> torch.autocast:
        is_rounded = self._settings.precision == "bfloat16"
        return torch.autocast(self._device.type, torch.bfloat16, enabled=is_rounded)

    def _divisor(self, labels: Tensor) -> float:
        """Return the number that divides the sum of a batch's losses to get their mean."""
        weights = self._loss.weight
        return float(len(labels) if weights is None else weights[labels].sum())

    def _validate(self, dataset: LabelledTensors) -> tuple[float, float]:
        self._network.eval()
        loss_sum, num_right = 0.0, 0
        batches = into_batches(range(len(dataset)), max(self._settings.batch_size, 64))
        with torch.inference_mode():
            for images, labels in load(dataset, batches):
                targets = labels.to(self._device)
                logits = torch.cat([self._logits(part) for part in in_parts(images.to(self._device))])
                loss_sum += float(nn.functional.cross_entropy(logits, targets, reduction="sum"))
                num_right += int((logits.argmax(dim=1) == targets).sum())
        return loss_sum / len(dataset), num_right / len(dataset)


def _optimizer(groups: list[dict[str, Any]], settings: TrainingSettings) -> Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return SGD(groups, lr=rate, momentum=settings.momentum, weight_decay=decay)
    kind = Adam if settings.optimizer == "adam" else AdamW
    # Fused takes a fifth of the time on a CPU, where it is not torch's default.
    return kind(groups, lr=rate, weight_decay=decay, fused=True)


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the network's state dict on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
