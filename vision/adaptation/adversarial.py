"""Adversarial training: it makes features from which no classifier can recognise the domain."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import binary_cross_entropy_with_logits

from vision.batches import EpochAware, LabelledTensors
from vision.network import Classifier

#: How fast the reversed gradient grows over the run: the paper's gamma.
STEEPNESS = 10.0
#: The domain classifier learns from scratch, so its rate is this much higher than that of the features.
RATE_FACTOR = 10.0

_HIDDEN = 128


def reversal_at(progress: float) -> float:
    """Return the paper's lambda, the weight of the reversed gradient, at a share of the run from 0 to 1."""
    return 2.0 / (1.0 + math.exp(-STEEPNESS * progress)) - 1.0


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, features: Tensor, weight: float) -> Tensor:
        ctx.weight = weight  # type: ignore[attr-defined]  # torch's contexts take any attribute
        return features.view_as(features)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None  # type: ignore[attr-defined]  # likewise


def reverse_gradient(features: Tensor, weight: float) -> Tensor:
    """Return the features unchanged; in the backward pass their gradient is multiplied by -weight."""
    reversed_features: Tensor = _Reversal.apply(features, weight)
    return reversed_features


class DomainAdversary:
    """A penalty for `fit`: the loss of a domain classifier on the embeddings, with the gradient reversed.

    Each step uses as many pictures of the target as it has of the source. The domain classifier learns to
    distinguish the two, and the network below it learns to prevent that.

    Args:
        classifier: The network whose embeddings become alike in both domains.
        target: Pictures of the target domain; their labels are not read.
        num_steps: Steps of the whole run, over which lambda rises.
        seed: Decides the domain classifier's first weights and the order of the pictures.

    Source:
        Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016, section 4.2 and, for
        lambda, 5.2.2; the domain classifier is smaller here, for hundreds of pictures.
    """

    def __init__(self, classifier: Classifier, target: LabelledTensors, num_steps: int, seed: int) -> None:
        self._classifier = classifier
        self._target = target
        self._num_steps = num_steps
        self._step = 0
        self._embeddings: Tensor | None = None
        self._order = _endless_order(target, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.domain_classifier = nn.Sequential(
                nn.Linear(classifier.embedding_dim, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1)
            )

    @contextmanager
    def recording_embeddings(self) -> Iterator[None]:
        """Record the embeddings that enter the head, so that no picture goes through the network twice."""
        handle = self._classifier.head.register_forward_pre_hook(self._note)
        try:
            yield
        finally:
            handle.remove()
            self._embeddings = None

    def __call__(self, images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
        """Return the domain classifier's mean loss in nats on the step's pictures and as many target ones."""
        source = self._embeddings if self._embeddings is not None else self._classifier.embed(images)
        target = self._classifier.embed(self._next(len(images)).to(images.device))
        weight = reversal_at(self._step / self._num_steps)
        self._step += 1
        self.domain_classifier.to(images.device)
        answers = self.domain_classifier(reverse_gradient(torch.cat([source, target]), weight)).squeeze(1)
        is_target = torch.cat([torch.zeros(len(source)), torch.ones(len(target))]).to(images.device)
        return binary_cross_entropy_with_logits(answers, is_target)

    def _note(self, head: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._embeddings = inputs[0]

    def _next(self, num: int) -> Tensor:
        return torch.stack([self._target[next(self._order)][0] for _ in range(num)])


def _endless_order(target: LabelledTensors, seed: int) -> Iterator[int]:
    generator = torch.Generator().manual_seed(seed)
    epoch = 0
    while True:
        epoch += 1
        if isinstance(target, EpochAware):
            target.set_epoch(epoch)
        yield from torch.randperm(len(target), generator=generator).tolist()
