"""The linear probe: solves a head, within seconds, on embeddings that are computed once."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vision.evaluation import Unseen
from vision.training.cross_validation import Embedded, out_of_fold
from vision.training.diagnosis import diagnose
from vision.training.training import Epoch, TrainingResult, snapshot

#: Penalties on the weights that are tried, strongest first; each one starts from the solution before it.
PENALTIES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)

_MAX_STEPS = 1000
# The slope at which a solution counts as found. The usual 1e-4 is too large for classes that are far apart:
# their slope is that small long before the minimum.
_TOLERANCE = 1e-5
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True, slots=True)
class Solution:
    """The weight (C, D) and the bias (C,) for one penalty."""

    weight: Tensor
    bias: Tensor

    def answer(self, embeddings: Tensor) -> Tensor:
        """Return logits (N, C) of embeddings (N, D)."""
        return embeddings @ self.weight.T + self.bias

    def put_into(self, head: nn.Linear) -> None:
        """Copy it into a head."""
        with torch.no_grad():
            head.weight.copy_(self.weight)
            head.bias.copy_(self.bias)


@dataclass(frozen=True, slots=True)
class Probe:
    """A solved head.

    Attributes:
        result: Its state has learnt from validation images too, unless it was resampled.
        start: The solution of the training images alone, for choices that are still made on validation.
        unseen: The result's.
    """

    result: TrainingResult
    start: Solution
    unseen: Unseen


def fit_probe(
    head: nn.Linear,
    training: Embedded,
    validation: Embedded,
    *,
    class_weights: Sequence[float] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    resample_seed: int | None = None,
    num_views: int = 1,
) -> Probe:
    """Solve multinomial logistic regression, and leave the head with the solution of all images.

    The loss is the mean cross-entropy plus half of a penalty times the squared weights, on embeddings scaled
    to unit variance over all features. It is convex: its minimum needs no learning rate, order or seed.

    The penalty is the one with the lowest loss in cross-validation over training and validation images
    together, since validation images alone may be so few that all are right under any penalty. After that
    nothing is left to choose on the validation images, so the head is solved on both sets. The result's
    epochs are the solutions of the training images, one for each of `PENALTIES`. Its cross-validated logits
    show what the head does on images that it has not learnt from.

    Args:
        head: From embeddings (N, D) to logits (N, C).
        training: Embeddings (N, D) and class indices (N,).
        validation: Likewise.
        class_weights: Weight of each class in the loss; None weighs them alike.
        on_epoch: Called after each solution.
        resample_seed: Draws the training images on which the head is solved in the end, with the penalty that
            suits all of them and without validation images; None uses all images of both sets.
        num_views: Views of each of N images in either set: row v · N + i is view v of image i. The views of
            one image stay together in cross-validation.

    Source:
        Kornblith et al., "Do Better ImageNet Models Transfer Better?", CVPR 2019, appendix A.1.
    """
    weights = None if class_weights is None else torch.tensor(class_weights)
    epochs: list[Epoch] = []
    solutions: list[Solution] = []
    begun = time.monotonic()
    for number, solution in enumerate(solve(training, head.out_features, weights), start=1):
        epochs.append(measured(number, solution, training, validation, time.monotonic() - begun))
        solutions.append(solution)
        if on_epoch is not None:
            on_epoch(epochs[-1])
        begun = time.monotonic()
    known = joined(training, validation)
    logits = out_of_fold(
        known,
        lambda learnt, held_out: torch.stack(
            [solution.answer(held_out) for solution in solve(learnt, head.out_features, weights)]
        ),
        torch.cat([_images_of(training, num_views), -1 - _images_of(validation, num_views)]),
    )
    losses = [float(cross_entropy(of_penalty, known[1])) for of_penalty in logits]
    best = losses.index(min(losses))
    learnt = known if resample_seed is None else resampled(training, resample_seed)
    [final] = solve(learnt, head.out_features, weights, [PENALTIES[best]])
    final.put_into(head)
    start = solutions[best] if resample_seed is None else final
    epochs[best] = measured(best + 1, start, training, validation, epochs[best].seconds)
    unseen = Unseen(logits[best], known[1], len(training[1]))
    result = TrainingResult(
        snapshot(head),
        tuple(epochs),
        best + 1,
        diagnose(1 - epochs[best].training_accuracy, 1 - epochs[best].validation_accuracy),
        unseen,
        has_learnt_validation=resample_seed is None,
        comparable=start.answer(validation[0]),
    )
    return Probe(result, start, unseen)


def joined(training: Embedded, validation: Embedded) -> Embedded:
    """Return both as one, validation last."""
    return torch.cat([training[0], validation[0]]), torch.cat([training[1], validation[1]])


def _images_of(embedded: Embedded, num_views: int) -> Tensor:
    """Return which image each row (N,) is of."""
    return torch.arange(len(embedded[1])) % (len(embedded[1]) // num_views)


def resampled(embedded: Embedded, seed: int) -> Embedded:
    """Return as many embeddings with their classes, drawn with replacement (Breiman 1996)."""
    num = len(embedded[1])
    drawn = torch.from_numpy(np.random.default_rng(seed).integers(0, num, num))
    return embedded[0][drawn], embedded[1][drawn]


def solve(
    embedded: Embedded,
    num_classes: int,
    weights: Tensor | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> Iterator[Solution]:
    """Yield the solution for each penalty, in their order.

    Args:
        embedded: What to learn from.
        num_classes: C.
        weights: Weight (C,) of each class in the loss; None weighs them alike.
        penalties: For embeddings scaled to unit variance over all features.
    """
    embeddings, labels = embedded
    mean = embeddings.mean(dim=0)
    # One scale for all features: with a scale of its own, a feature that hardly varies would get a weight too
    # large for fine-tuning.
    scale = (embeddings - mean).square().mean().sqrt().clamp(min=1e-6)
    # Each class gets a thousandth of an image in the middle, so that one without images has a solution too.
    scaled = torch.cat([(embeddings - mean) / scale, torch.zeros(num_classes, len(mean))])
    known = torch.cat([labels, torch.arange(num_classes)])
    of_classes = torch.ones(num_classes) if weights is None else weights
    importance = torch.cat([of_classes[labels], torch.full((num_classes,), _LEAST_WEIGHT)])
    solver = LogisticRegression(tol=_TOLERANCE, max_iter=_MAX_STEPS, warm_start=True)  # type: ignore[no-untyped-call]  # scikit-learn comes without types
    for penalty in penalties:
        # With two classes scikit-learn solves for their difference, whose square is twice that of its halves.
        solver.C = (2 if num_classes == 2 else 1) / (penalty * float(importance.sum()))
        solver.fit(scaled.numpy(), known.numpy(), importance.numpy())
        weight, bias = torch.from_numpy(solver.coef_), torch.from_numpy(solver.intercept_)
        if num_classes == 2:
            weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
        # Converted to embeddings that are not scaled.
        yield Solution(weight / scale, bias - weight @ mean / scale)


def measured(
    number: int, solution: Solution, training: Embedded, validation: Embedded, seconds: float
) -> Epoch:
    """Return the figures of a solution, as those of an epoch with this number."""

    def loss_and_accuracy(embedded: Embedded) -> tuple[float, float]:
        logits = solution.answer(embedded[0])
        is_right = logits.argmax(dim=1) == embedded[1]
        return float(cross_entropy(logits, embedded[1])), float(is_right.double().mean())

    training_loss, training_accuracy = loss_and_accuracy(training)
    validation_loss, validation_accuracy = loss_and_accuracy(validation)
    return Epoch(number, training_loss, validation_loss, training_accuracy, validation_accuracy, seconds)
