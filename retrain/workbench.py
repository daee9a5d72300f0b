"""The champion on the bench: images for it, answers from it, and candidates built like it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from retrain.dataset import Item, StoredImages
from retrain.evaluation import Logits
from store.blobs import BlobStore
from store.registry import Version, load_files
from vision.adaptation.augmentation import DomainAugmentation
from vision.adaptation.batch_norm import reestimate_statistics
from vision.artifact import Artifact, from_files
from vision.augmentation import Level, Variation, augmented
from vision.batches import LabelledTensors, cut, load
from vision.engines.as_served import answers_as_served
from vision.engines.kind import EngineKind, Precision
from vision.engines.making import EngineFiles, engine_files, some_images
from vision.engines.precision import gains_by, in_precision, rounded
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.interpolation import interpolate
from vision.network import Classifier
from vision.preprocessing import ImageLimits
from vision.temperature import fit_temperature

_MAX_REFERENCE = 1000
_STATISTICS_BATCH = 32

State = dict[str, Tensor]


class Workbench:
    """What a round does with weights and images, one champion in view.

    Args:
        champion: The version in production.
        blobs: Where its files and the images lie.
        device: Where torch computes.
        limits: What one image may cost.
        precision: What candidates are trained and judged in, where they gain by it and bear it.
    """

    def __init__(
        self,
        champion: Version,
        blobs: BlobStore,
        device: str,
        limits: ImageLimits | None = None,
        precision: Precision = "float32",
    ) -> None:
        artifact = from_files(load_files(blobs, champion))
        self.champion = champion
        # Where nothing is served in its precision any more, the champion isn't either.
        self.artifact: Artifact = artifact if artifact.precision == precision else artifact.in_float32()
        self.device = device
        self._precision = precision
        self._blobs = blobs
        self._limits = limits or ImageLimits()

    def images(
        self, items: Sequence[Item], level: Level = "none", seed: int = 0, *, simulates_shift: bool = False
    ) -> LabelledTensors:
        """Return items as tensors, augmented where a level is given."""
        variation: Variation = augmented(self.artifact.preprocessing, level, seed)
        if simulates_shift:
            variation = DomainAugmentation(augmented(self.artifact.preprocessing, level, seed), seed)
        return PreparedImages(StoredImages(items, self._blobs), variation, self._limits)

    def student(self, target: Sequence[str] = ()) -> Classifier:
        """Return the champion's network to train.

        Args:
            target: SHA-256 of images whose statistics its batch normalisation takes on; none keeps its own.
        """
        classifier = self.artifact.build(self.device)
        if target:
            images = self.images([Item(sha256, 0) for sha256 in target])
            batches = cut(range(len(target)), _STATISTICS_BATCH, merge_single=True)
            reestimate_statistics(
                classifier, (tensors.to(self.device) for tensors, _ in load(images, batches))
            )
        return classifier

    def training_precision(self) -> Precision:
        """Return the precision in which a student is trained, which integers are too coarse for."""
        gains = self._precision == "bfloat16" and gains_by(self.artifact, "bfloat16")
        return "bfloat16" if gains else "float32"

    def answer(self, artifact: Artifact, items: Sequence[Item]) -> Logits:
        """Return the logits (n, classes) of an artifact for items, as it is served."""
        if not items:
            return np.zeros((0, len(self.artifact.class_names)), dtype=np.float32)
        logits, _ = answers_as_served(artifact, self.images(items), self.device)
        answers: Logits = logits.numpy()
        return answers

    def own_labels(self, images: Sequence[str]) -> list[Item]:
        """Return images with the champion's own answers as their labels."""
        unlabelled = [Item(sha256, 0) for sha256 in images]
        answers = self.answer(self.artifact, unlabelled).argmax(axis=1)
        return [Item(sha256, int(label)) for sha256, label in zip(images, answers, strict=True)]

    def blended(self, candidate: State, weight: float) -> State:
        """Return the weights between the champion's (0) and a candidate's (1)."""
        return interpolate(self.artifact.state, candidate, weight)

    def blend(self, candidate: State, weight: float, items: Sequence[Item]) -> Artifact:
        """Return blended weights in the champion's precision, the ranges of activations from these items."""
        blend = replace(self.artifact, state=self.blended(candidate, weight))
        return rounded(blend, some_images(self.images(items)), self.artifact.precision)

    def finished(
        self, state: State, validation: Sequence[Item], num_new: int, *, keeps_temperature: bool = False
    ) -> Artifact:
        """Return weights as an artifact: temperature refitted, and the reference for drift renewed.

        Args:
            validation: Validation items, the new ones first.
            num_new: How many of them are new.
            keeps_temperature: Keep the champion's, since labels that are its own answers ask for certainty.
        """
        bare = replace(self.artifact.in_float32(), state=state, temperature=1.0, reference=None)
        images = self.images(validation)
        logits, embeddings = evaluate_logits(bare.build(self.device), images, device=self.device)
        labels = torch.tensor([item.label for item in validation])
        if not torch.isfinite(logits).all():
            # Left as it is: the gate refuses answers that are no numbers.
            return bare
        reference = embeddings[_kept(len(validation), num_new)].to(torch.float16)
        temperature = self.artifact.temperature if keeps_temperature else fit_temperature(logits, labels)
        exact = replace(bare, temperature=temperature, reference=reference)
        if self._precision == "float32":
            return exact
        return in_precision(exact, some_images(images), self._precision)

    def engine_of(self, artifact: Artifact, items: Sequence[Item], kind: EngineKind) -> EngineFiles:
        """Return what workers load to run an artifact, checked on some of these items."""
        return engine_files(artifact, some_images(self.images(items)), kind, self.device)


def _kept(num: int, num_new: int) -> list[int]:
    """Return indices of at most `_MAX_REFERENCE` rows, new and old in their proportions."""
    if num <= _MAX_REFERENCE:
        return list(range(num))
    share = _MAX_REFERENCE / num
    step_new = np.linspace(0, num_new, round(num_new * share), endpoint=False, dtype=int)
    step_old = np.linspace(num_new, num, round((num - num_new) * share), endpoint=False, dtype=int)
    return [*step_new.tolist(), *step_old.tolist()]
