"""Self-supervised pre-training: the network learns about pictures by predicting how they were rotated."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vision.batches import EpochAware, LabelledTensors, into_batches
from vision.network import Classifier
from vision.training.training import TrainingResult, TrainingSettings, fit

NUM_ROTATIONS = 4
SETTINGS = TrainingSettings(epochs=5, learning_rate=1e-3, weight_decay=1e-4, schedule="cosine")

# One picture in so many is held out to choose the epoch on.
_HELD_OUT = 8
# The head begins at random, so its rate is this much higher than that of the pretrained features.
_HEAD_FACTOR = 10.0


class Rotated:
    """Pictures that are turned by a random number of quarters, which becomes their label.

    Each picture comes once an epoch. The labels that come with the pictures are not read.

    Args:
        pictures: Of any domain.
        indices: Which of them to use.
        seed: Decides the turns together with the epoch.
        is_fixed: Turn each picture the same way in all epochs, so that epochs can be compared.
    """

    def __init__(
        self, pictures: LabelledTensors, indices: Sequence[int], seed: int, *, is_fixed: bool = False
    ) -> None:
        self._pictures = pictures
        self._indices = indices
        self._seed = seed
        self._is_fixed = is_fixed
        self._turns = self._drawn(0)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, item: int) -> tuple[Tensor, int]:
        turns = self._turns[item]
        return torch.rot90(self._pictures[self._indices[item]][0], turns, dims=(1, 2)), turns

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next reads belong to."""
        if self._is_fixed:
            return
        if isinstance(self._pictures, EpochAware):
            self._pictures.set_epoch(epoch)
        self._turns = self._drawn(epoch)

    def _drawn(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed((self._seed << 16) + epoch)
        turns: list[int] = torch.randint(NUM_ROTATIONS, (len(self),), generator=generator).tolist()
        return turns


def num_pretraining_steps(num_pictures: int, settings: TrainingSettings = SETTINGS) -> int:
    """Return the number of steps that pretraining on that many pictures takes."""
    num_learnt = num_pictures - len(range(0, num_pictures, _HELD_OUT))
    return settings.epochs * len(into_batches(range(num_learnt), settings.batch_size, merge_single=True))


def pretrain(
    classifier: Classifier,
    pictures: LabelledTensors,
    plain_pictures: LabelledTensors,
    settings: TrainingSettings = SETTINGS,
    *,
    device: torch.device | str = "cpu",
    on_batch: Callable[[int, int], None] | None = None,
) -> TrainingResult:
    """Train all below the classifier's head to predict rotations; the head stays as it is.

    Batch normalisation computes its statistics on these pictures, so that they move to the target too.

    Args:
        classifier: Changed in place, to the epoch that predicted the rotations of held-out pictures best.
        pictures: Augmented, of the target domain and, so that the source is not forgotten, of the source.
        plain_pictures: The same without augmentation.
        settings: How to train.
        device: Where to train.
        on_batch: Called after each step with (steps done, steps at most).

    Source:
        Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations", ICLR 2018; on
        pictures of both domains as in Sun et al., "Unsupervised Domain Adaptation through Self-Supervision",
        2019. Each picture has one rotation an epoch here, instead of all four, to save three quarters of the
        time.
    """
    held_out = range(0, len(pictures), _HELD_OUT)
    learnt = [index for index in range(len(pictures)) if index % _HELD_OUT]
    head = nn.Linear(classifier.embedding_dim, NUM_ROTATIONS)
    body: dict[str, Any] = {"params": classifier.network.parameters()}
    above: dict[str, Any] = {"params": head.parameters(), "lr": settings.learning_rate * _HEAD_FACTOR}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head.reset_parameters()
    return fit(
        nn.Sequential(classifier.network, head),
        Rotated(pictures, learnt, settings.seed),
        Rotated(plain_pictures, held_out, settings.seed, is_fixed=True),
        settings,
        parameters=[body, above],
        device=device,
        on_batch=on_batch,
    )
