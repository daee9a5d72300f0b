"""The linear probe: a head solved on embeddings that are computed once, in seconds."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vision.diagnosis import diagnose
from vision.training import Epoch, TrainingResult, snapshot

#: Pulls on the weights that are tried, strongest first; each starts from the solution before it.
PENALTIES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)

_MAX_STEPS = 100


def fit_probe(
    head: nn.Linear,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    *,
    class_weights: Sequence[float] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Solve multinomial logistic regression, and leave the head with the solution.

    The mean cross-entropy plus half of a penalty times the squared weights, of embeddings scaled to unit
    variance on the whole, is convex: L-BFGS finds its minimum without a learning rate, an order or a seed.
    The penalty is the one with the lowest loss on validation, which tells more of few images than their
    accuracy. The result's epochs are the solutions, one for each of `PENALTIES`.

    Args:
        head: From embeddings (N, D) to logits (N, C).
        training: Embeddings (N, D) and class indices (N,).
        validation: Likewise; chooses the penalty.
        class_weights: Weight of each class in the loss; None weighs them alike.
        on_epoch: Called after each solution.

    Source:
        Kornblith et al., "Do Better ImageNet Models Transfer Better?", CVPR 2019, appendix A.1.
    """
    mean = training[0].mean(dim=0)
    # One scale for all of them: a feature that hardly varies would get weights that fine-tuning can't bear.
    scale = (training[0] - mean).square().mean().sqrt().clamp(min=1e-6)
    scaled = ((training[0] - mean) / scale, training[1]), ((validation[0] - mean) / scale, validation[1])
    weights = None if class_weights is None else torch.tensor(class_weights)
    solver = nn.Linear(head.in_features, head.out_features)
    nn.init.zeros_(solver.weight)
    nn.init.zeros_(solver.bias)
    epochs: list[Epoch] = []
    solutions: list[tuple[Tensor, Tensor]] = []
    for number, penalty in enumerate(PENALTIES, start=1):
        begun = time.monotonic()
        _solve(solver, *scaled[0], penalty, weights)
        epochs.append(_measured(number, solver, *scaled, begun))
        solutions.append((solver.weight.detach().clone(), solver.bias.detach().clone()))
        if on_epoch is not None:
            on_epoch(epochs[-1])
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    _unscale(*solutions[best.epoch - 1], mean, scale, head)
    diagnosis = diagnose(1 - best.training_accuracy, 1 - best.validation_accuracy)
    return TrainingResult(snapshot(head), tuple(epochs), best.epoch, diagnosis)


def _solve(
    solver: nn.Linear, embeddings: Tensor, labels: Tensor, penalty: float, weights: Tensor | None
) -> None:
    optimizer = torch.optim.LBFGS(
        solver.parameters(), max_iter=_MAX_STEPS, line_search_fn="strong_wolfe", tolerance_grad=1e-5
    )

    # torch leaves `backward` and `LBFGS.step` without types.
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(solver(embeddings), labels, weight=weights)
        loss = loss + 0.5 * penalty * solver.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]


def _measured(
    number: int,
    solver: nn.Linear,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    begun: float,
) -> Epoch:
    def loss_and_accuracy(embeddings: Tensor, labels: Tensor) -> tuple[float, float]:
        with torch.no_grad():
            logits = solver(embeddings)
        is_right = logits.argmax(dim=1) == labels
        return float(cross_entropy(logits, labels)), float(is_right.double().mean())

    training_loss, training_accuracy = loss_and_accuracy(*training)
    validation_loss, validation_accuracy = loss_and_accuracy(*validation)
    seconds = time.monotonic() - begun
    return Epoch(number, training_loss, validation_loss, training_accuracy, validation_accuracy, seconds)


def _unscale(weight: Tensor, bias: Tensor, mean: Tensor, scale: Tensor, head: nn.Linear) -> None:
    """Give the head what a solution answers on scaled embeddings, for embeddings as they are."""
    with torch.no_grad():
        head.weight.copy_(weight / scale)
        head.bias.copy_(bias - (weight / scale) @ mean)
