"""What a specialist would write: each learns the same samples, one drift after another, without a gate."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vision.adaptation.batch_norm import reestimate_statistics
from vision.artifact import Artifact
from vision.augmentation import Level, augmented
from vision.batches import LabelledTensors
from vision.decoding import ImageLimits
from vision.image_set import PreparedImages
from vision.network import Classifier
from vision.training.training import TrainingSettings, fit

Pair = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Budget:
    """How a rival trains."""

    learning_rate: float
    epochs: int


class Rival(ABC):
    """A learner that starts where the product starts.

    Args:
        start: The first version.
        old: All that it was trained on, which stays at hand.
        budget: Rate and epochs.
        seed: Of all draws.
    """

    def __init__(self, start: Artifact, old: Sequence[Pair], budget: Budget, seed: int) -> None:
        self._artifact = start
        self.network = start.build()
        self._memory = list(old)
        self._budget = budget
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self.cpu_seconds = 0.0

    def learn(self, new: Sequence[Pair]) -> Classifier:
        """Learn one drift, and return the network."""
        began = time.process_time()
        self._learn(new)
        self._memory += new
        self.cpu_seconds += time.process_time() - began
        return self.network

    @abstractmethod
    def _learn(self, new: Sequence[Pair]) -> None: ...

    def _replayed(self, num: int) -> list[int]:
        """Draw as many of each class from the memory; return indices."""
        labels = np.array([label for _, label in self._memory])
        names = np.unique(labels)
        share = -(-num // len(names))
        drawn = np.concatenate(
            [self._rng.permutation(np.flatnonzero(labels == name))[:share] for name in names]
        )
        return [int(index) for index in self._rng.permutation(drawn)[:num]]

    def _images(self, pairs: Sequence[Pair], level: Level = "gentle") -> LabelledTensors:
        variation = augmented(self._artifact.preprocessing, level, self._seed)
        return PreparedImages(pairs, variation, ImageLimits())

    def _fit(
        self,
        pairs: Sequence[Pair],
        penalty: Callable[[Tensor, Tensor, Sequence[int]], Tensor] | None = None,
    ) -> None:
        self._seed += 1
        settings = TrainingSettings(
            epochs=self._budget.epochs,
            batch_size=32,
            learning_rate=self._budget.learning_rate,
            optimizer="adamw",
            weight_decay=1e-2,
            schedule="cosine",
            keeps_best=False,
            keeps_statistics=True,
            seed=self._seed,
            num_threads=1,
        )
        # Nothing is chosen: one picture takes the place of validation.
        fit(self.network, self._images(pairs), self._images(pairs[:1], "none"), settings, penalty=penalty)


class Naive(Rival):
    """Fine-tunes on the new samples alone."""

    def _learn(self, new: Sequence[Pair]) -> None:
        self._fit(new)


class Replay(Rival):
    """Fine-tunes on new and as many old samples.

    Source:
        Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019.
    """

    def _learn(self, new: Sequence[Pair]) -> None:
        self._fit([*new, *(self._memory[index] for index in self._replayed(len(new)))])


class DarkReplay(Rival):
    """Replay whose old samples also keep the logits with which they were learnt.

    Source:
        Buzzega et al., "Dark Experience for General Continual Learning", NeurIPS 2020 (DER++).
    """

    _WEIGHT = 0.5

    def __init__(self, start: Artifact, old: Sequence[Pair], budget: Budget, seed: int) -> None:
        super().__init__(start, old, budget, seed)
        self._logits: dict[int, Tensor] = {}

    def _learn(self, new: Sequence[Pair]) -> None:
        replayed = self._replayed(len(new))
        targets = torch.stack([self._stored(index) for index in replayed])
        num_new = len(new)

        def penalty(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
            is_old = torch.tensor([index >= num_new for index in indices])
            wanted = targets[[index - num_new for index in indices if index >= num_new]]
            return self._WEIGHT * (logits[is_old] - wanted).square().mean(dim=1).sum() / len(images)

        first = len(self._memory)
        self._fit([*new, *(self._memory[index] for index in replayed)], penalty)
        for number, logits in enumerate(self._answers(new)):
            self._logits[first + number] = logits

    def _stored(self, index: int) -> Tensor:
        if index not in self._logits:
            # One of the first samples: the start's answer.
            start = self._artifact.build()
            [self._logits[index]] = self._answers([self._memory[index]], start)
        return self._logits[index]

    def _answers(self, pairs: Sequence[Pair], network: Classifier | None = None) -> list[Tensor]:
        images = self._images(pairs, "none")
        asked = self.network if network is None else network
        asked.eval()
        with torch.inference_mode():
            return [asked(images[index][0][None])[0].clone() for index in range(len(pairs))]


class ElasticWeights(Rival):
    """Fine-tunes on new samples, held to the weights that mattered for the old ones.

    Source:
        Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017, with one
        Fisher diagonal that is added up (Schwarz et al., "Progress & Compress", ICML 2018).
    """

    _WEIGHT = 100.0
    _NUM_FISHER = 500

    def __init__(self, start: Artifact, old: Sequence[Pair], budget: Budget, seed: int) -> None:
        super().__init__(start, old, budget, seed)
        self._fisher: dict[str, Tensor] = {}
        began = time.process_time()
        self._add_fisher(list(range(len(old))))
        self.cpu_seconds += time.process_time() - began

    def _learn(self, new: Sequence[Pair]) -> None:
        anchor = {name: tensor.detach().clone() for name, tensor in self.network.named_parameters()}

        def penalty(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
            distances = [
                (self._fisher[name] * (tensor - anchor[name]).square()).sum()
                for name, tensor in self.network.named_parameters()
            ]
            return self._WEIGHT * torch.stack(distances).sum()

        self._fit(new, penalty)
        memory, self._memory = self._memory, list(new)
        self._add_fisher(list(range(len(new))))
        self._memory = memory

    def _add_fisher(self, indices: Sequence[int]) -> None:
        drawn = self._rng.permutation(indices)[: self._NUM_FISHER]
        images = self._images([self._memory[index] for index in drawn], "none")
        self.network.eval()
        for number in range(len(drawn)):
            tensor, _ = images[number]
            logits = self.network(tensor[None])
            label = torch.multinomial(logits.detach().softmax(dim=1), 1)[:, 0]
            self.network.zero_grad(set_to_none=True)
            torch.autograd.backward(cross_entropy(logits, label))
            for name, parameter in self.network.named_parameters():
                if parameter.grad is not None:
                    square = parameter.grad.square() / len(drawn)
                    self._fisher[name] = self._fisher.get(name, torch.zeros_like(square)) + square
        self.network.zero_grad(set_to_none=True)


class Discriminant(Rival):
    """Streaming linear discriminant analysis on embeddings that never change.

    Source:
        Hayes and Kanan, "Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis", CVPR
        Workshops 2020.
    """

    _SHRINKAGE = 1e-2

    def __init__(self, start: Artifact, old: Sequence[Pair], budget: Budget, seed: int) -> None:
        super().__init__(start, old, budget, seed)
        self._known: list[Tensor] = []

    def _learn(self, new: Sequence[Pair]) -> None:
        pairs = [*self._memory, *new]
        embeddings = self._embeddings(pairs)
        labels = torch.tensor([label for _, label in pairs])
        num_classes = self.network.num_classes
        means = torch.stack([embeddings[labels == name].mean(dim=0) for name in range(num_classes)])
        within = embeddings - means[labels]
        covariance = within.T @ within / len(pairs)
        scale = covariance.diagonal().mean()
        shrunk = (1 - self._SHRINKAGE) * covariance + self._SHRINKAGE * scale * torch.eye(len(covariance))
        weights = torch.linalg.solve(shrunk, means.T).T
        with torch.no_grad():
            self.network.head.weight.copy_(weights.float())
            self.network.head.bias.copy_((-0.5 * (weights * means).sum(dim=1)).float())

    def _embeddings(self, pairs: Sequence[Pair]) -> Tensor:
        images = self._images(pairs[len(self._known) :], "none")
        self.network.eval()
        with torch.inference_mode():
            for index in range(len(images)):
                self._known.append(self.network.embed(images[index][0][None])[0].double())
        return torch.stack(self._known)


class Statistics(Rival):
    """The start with the batch statistics of each drift's images; it learns no label.

    Source:
        Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation",
        NeurIPS 2020.
    """

    def _learn(self, new: Sequence[Pair]) -> None:
        images = self._images(new, "none")
        self.network = self._artifact.build()
        reestimate_statistics(
            self.network,
            (
                torch.stack([images[index][0] for index in range(first, min(first + 32, len(images)))])
                for first in range(0, len(images), 32)
            ),
        )


class Joint(Rival):
    """Trains once on all samples of all drifts, and as many old ones: an upper bound."""

    def _learn(self, new: Sequence[Pair]) -> None:
        self._fit([*new, *(self._memory[index] for index in self._replayed(len(new)))])


RIVALS: dict[str, type[Rival]] = {
    "naive": Naive,
    "replay": Replay,
    "der++": DarkReplay,
    "ewc": ElasticWeights,
    "slda": Discriminant,
    "batch_norm": Statistics,
    "joint": Joint,
}
