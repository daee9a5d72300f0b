"""Solves a head anew on embeddings that stay as they are, held to the head that it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vision.training.cross_validation import Embedded
from vision.training.probe import Solution

#: Penalties on the distance to the head that it was, strongest first.
PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001)

_MAX_STEPS = 100
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class HeadProblem:
    """What a head is to learn, and what of its answers is to stay.

    Attributes:
        start: The head that it was, with a row for each class.
        learnt: Embeddings (N, D) and class indices (N,).
        importance: Weight (N,) of each sample; 0 is as if it had never been seen.
        is_old: Which samples (N,) are old: their logits are to stay near the start's.
        distillation: Weight of the mean squared distance to these logits.
    """

    start: Solution
    learnt: Embedded
    importance: Tensor
    is_old: Tensor
    distillation: float


def solve_near(problem: HeadProblem, penalties: Sequence[float] = PENALTIES) -> Iterator[Solution]:
    """Yield for each penalty the solution of multinomial logistic regression that is held to a start.

    To the weighted mean of the cross-entropy comes a distance to the start's logits on old samples, and half
    of the penalty times the squared distance of the weights to the start's, on embeddings scaled to unit
    variance over all features. The sum is convex, so that its minimum depends on the samples alone: what is
    left out next time is as if it had never been seen.

    Args:
        problem: What to learn, and what is to stay.
        penalties: Of which each begins with the solution before it.

    Source:
        Li et al., "Explicit Inductive Bias for Transfer Learning with Convolutional Networks", ICML 2018
        (L2-SP), and Buzzega et al., "Dark Experience for General Continual Learning", NeurIPS 2020, for the
        head alone, where both are convex.
    """
    scaled = _Scaled(problem)
    rows = scaled.first.clone()
    for penalty in penalties:
        rows = scaled.minimum(rows, penalty)
        yield scaled.solution(rows)


class _Scaled:
    """A problem on embeddings that were moved and scaled, with the bias as one more feature."""

    def __init__(self, problem: HeadProblem) -> None:
        embeddings, self._labels = problem.learnt
        self._shares = problem.importance / problem.importance.sum()
        self._mean = self._shares @ embeddings
        moved = embeddings - self._mean
        self._scale = (self._shares @ moved.square()).mean().sqrt().clamp(min=1e-6)
        self._inputs = torch.cat([moved / self._scale, torch.ones(len(moved), 1)], dim=1)
        weight, bias = problem.start.weight, problem.start.bias
        self.first = torch.cat([weight * self._scale, (bias + weight @ self._mean)[:, None]], dim=1)
        self._is_old = problem.is_old & (problem.importance > 0)
        self._wanted = self._inputs[self._is_old] @ self.first.T
        self._distillation = problem.distillation if len(self._wanted) else 0.0

    def solution(self, rows: Tensor) -> Solution:
        weight = rows[:, :-1] / self._scale
        return Solution(weight, rows[:, -1] - weight @ self._mean)

    def minimum(self, start: Tensor, penalty: float) -> Tensor:
        rows = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS(
            [rows], max_iter=_MAX_STEPS, tolerance_grad=_TOLERANCE, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = self._loss(rows, penalty)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it without types
        return rows.detach()

    def _loss(self, rows: Tensor, penalty: float) -> Tensor:
        logits = self._inputs @ rows.T
        loss = (self._shares * cross_entropy(logits, self._labels, reduction="none")).sum()
        loss = loss + 0.5 * penalty * (rows - self.first)[:, :-1].square().sum()
        if self._distillation:
            distance = (logits[self._is_old] - self._wanted).square().mean()
            loss = loss + self._distillation * distance
        return loss
