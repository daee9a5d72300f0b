"""The models of a round: the champion, and candidates built like it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from retrain.answers import Answers, answers_from_logits
from retrain.dataset import Item, StoredImages
from store.blobs.blob_store import BlobStore
from store.evidence.answers import NOT_FINITE
from store.versions import Version, load_files
from vision.adaptation.augmentation import DomainAugmentation
from vision.adaptation.batch_norm import reestimate_statistics
from vision.artifact import Artifact, from_files
from vision.augmentation import Level, Variation, augmented
from vision.batches import LabelledTensors, into_batches, load
from vision.calibration import fit_temperature
from vision.decoding import ImageLimits
from vision.engines.choice import EngineSettings, load_engine
from vision.engines.kind import Precision
from vision.engines.processor import training_precision
from vision.engines.served_form import spread_evenly
from vision.engines.served_model import ServedModel, served
from vision.evaluation import evaluate, evaluate_logits
from vision.image_set import PreparedImages
from vision.network import Classifier
from vision.training.interpolation import interpolate

_MAX_REFERENCE = 1000
_STATISTICS_BATCH = 32

StateDict = dict[str, Tensor]


class RoundModels:
    """What a round does with weights and images.

    Args:
        champion: The version in production.
        blobs: Where its files and the images lie.
        engines: How versions are run; as in serving.
        limits: What one image may cost.
    """

    def __init__(
        self,
        champion: Version,
        blobs: BlobStore,
        engines: EngineSettings,
        limits: ImageLimits | None = None,
    ) -> None:
        self._engines = engines
        self._device = engines.device
        self._blobs = blobs
        self.limits = limits or ImageLimits()
        self.version = champion
        self.champion = self._load(champion)
        # What candidates start from: the champion, with rows for new classes where a round learns some.
        self.artifact: Artifact = self.champion.artifact

    def _load(self, version: Version) -> ServedModel:
        files = load_files(self._blobs, version)
        artifact = from_files(files)
        return ServedModel(artifact, load_engine(artifact, files, self._engines))

    def start_from(self, artifact: Artifact) -> None:
        """Have candidates start from the champion with more classes."""
        self.artifact = artifact

    def images(
        self, items: Sequence[Item], level: Level = "none", seed: int = 0, *, simulates_shift: bool = False
    ) -> LabelledTensors:
        """Return items as tensors, augmented where a level is given."""
        variation: Variation = augmented(self.artifact.preprocessing, level, seed)
        if simulates_shift:
            variation = DomainAugmentation(augmented(self.artifact.preprocessing, level, seed), seed)
        return PreparedImages(StoredImages(items, self._blobs), variation, self.limits)

    def student(self, target_images: Sequence[str] = ()) -> Classifier:
        """Return the champion's network to train.

        Args:
            target_images: SHA-256 of images on which the statistics of batch normalisation are estimated
                anew; without any the champion's stay.
        """
        classifier = self.artifact.build(self._device)
        if target_images:
            images = self.images([Item(sha256, 0) for sha256 in target_images])
            batches = into_batches(range(len(target_images)), _STATISTICS_BATCH, merge_single=True)
            reestimate_statistics(
                classifier, (tensors.to(self._device) for tensors, _ in load(images, batches))
            )
        return classifier

    def network(self, state: StateDict) -> Classifier:
        """Return a network of the champion's kind with weights of its own, to train."""
        return replace(self.artifact, state=state).build(self._device)

    def training_precision(self) -> Precision:
        """Return the precision in which a student is trained; integers are too coarse for that."""
        if self._engines.precision == "float32" or self._device != "cpu":
            return "float32"
        return training_precision(self.artifact.build_empty(), self.artifact.preprocessing.image_size)

    def load(self, version: Version) -> ServedModel:
        """Return a stored version as it is served; the champion is loaded already.

        Raises:
            VersionRetiredError: Its files were dropped.
        """
        return self.champion if version.version == self.version.version else self._load(version)

    def answers(self, model: ServedModel, items: Sequence[Item]) -> Answers:
        """Return what a model answers on items, as it is served."""
        artifact = model.artifact
        if not items:
            return answers_from_logits(np.zeros((0, len(artifact.class_names))), artifact.temperature)
        # Its own preprocessing: an anchor may have been trained with another.
        variation = augmented(artifact.preprocessing, "none")
        images = PreparedImages(StoredImages(items, self._blobs), variation, self.limits)
        logits, _ = evaluate(model.engine, images)
        return answers_from_logits(logits.numpy(), artifact.temperature)

    def answer_in_float32(self, state: StateDict, items: Sequence[Item]) -> Tensor:
        """Return the logits (n, classes) of weights for items."""
        classifier = replace(self.artifact, state=state).build(self._device, shares_weights=True)
        logits, _ = evaluate_logits(classifier, self.images(items), device=self._device)
        return logits

    def champion_in_float32(self, items: Sequence[Item]) -> Tensor:
        """Return the logits (n, classes of production) of the champion for items."""
        classifier = self.champion.artifact.build(self._device, shares_weights=True)
        logits, _ = evaluate_logits(classifier, self.images(items), device=self._device)
        return logits

    def embeddings(self, items: Sequence[Item], on_batch: Callable[[int, int], None] | None = None) -> Tensor:
        """Return the champion's embeddings (n, D) of items, as it is served."""
        return evaluate(self.champion.engine, self.images(items), on_batch=on_batch)[1]

    def head_names(self) -> tuple[str, str]:
        """Return the names of the head's weight and bias among the weights."""
        path = self.artifact.build_empty().head_path
        return f"{path}.weight", f"{path}.bias"

    def self_labelled(self, images: Sequence[str]) -> list[Item]:
        """Return images with the champion's own answers as their labels."""
        unlabelled = [Item(sha256, 0) for sha256 in images]
        answers = self.answers(self.champion, unlabelled).label_index
        return [
            Item(sha256, int(label))
            for sha256, label in zip(images, answers, strict=True)
            if label != NOT_FINITE
        ]

    def blended(self, candidate: StateDict, weight: float) -> StateDict:
        """Return the weights between the champion's (0) and a candidate's (1)."""
        return interpolate(self.artifact.state, candidate, weight)

    def finished(
        self, state: StateDict, validation: Sequence[Item], num_new: int, *, keeps_temperature: bool = False
    ) -> ServedModel:
        """Return weights as they will be served, with a new temperature and a new reference for drift.

        Args:
            validation: Validation items, the new ones first.
            num_new: How many of them are new.
            keeps_temperature: Keep the champion's: a fit to its own answers is too certain.
        """
        bare = replace(self.artifact, state=state, temperature=1.0, reference=None)
        images = self.images(validation)
        logits, embeddings = evaluate_logits(bare.build(self._device), images, device=self._device)
        labels = torch.tensor([item.label for item in validation])
        if not torch.isfinite(logits).all():
            # The gate refuses answers that are no numbers.
            return served(bare, images, replace(self._engines, kind="torch"))
        reference = embeddings[_reference_rows(len(validation), num_new)].to(torch.float16)
        temperature = self.artifact.temperature if keeps_temperature else fit_temperature(logits, labels)
        artifact = replace(bare, temperature=temperature, reference=reference)
        chosen = spread_evenly([(index < num_new, item.label) for index, item in enumerate(validation)])
        images = self.images([validation[index] for index in chosen])
        return served(artifact, images, self._engines, like=self._served_precision())

    def _served_precision(self) -> Precision | None:
        """Return what the champion is served in; None where nobody measured that."""
        served_in = self.version.metrics.get("served_precision")
        return next((precision for precision in get_args(Precision) if precision == served_in), None)


def _reference_rows(num: int, num_new: int) -> list[int]:
    """Return indices of at most `_MAX_REFERENCE` rows, new and old in their proportions."""
    if num <= _MAX_REFERENCE:
        return list(range(num))
    share = _MAX_REFERENCE / num
    step_new = np.linspace(0, num_new, round(num_new * share), endpoint=False, dtype=int)
    step_old = np.linspace(num_new, num, round((num - num_new) * share), endpoint=False, dtype=int)
    return [*step_new.tolist(), *step_old.tolist()]
