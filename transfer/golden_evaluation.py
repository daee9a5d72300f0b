"""Evaluates a trained classifier on golden images, in the form in which it will be served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrain.answers import answers_from_logits
from retrain.dataset import StoredImages, items_of
from store.blobs.blob_store import BlobStore
from store.evidence.answers import Answer
from store.samples.sample import Sample
from transfer.importing import Imported
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.batches import LabelledTensors
from vision.calibration import expected_calibration_error
from vision.decoding import ImageLimits
from vision.engines.choice import EngineSettings
from vision.engines.served_form import spread_evenly
from vision.engines.served_model import ServedModel, served
from vision.ensemble import Ensemble
from vision.evaluation import evaluate, evaluate_logits, top5_accuracy
from vision.image_set import LabelRecorder, PreparedImages
from vision.transfer import TransferResult


@dataclass(frozen=True, slots=True)
class GoldenEvaluation:
    """An artifact's figures; accuracies and calibration errors are fractions of the golden images.

    Attributes:
        model: The artifact as it was evaluated, and will be served.
        outcomes: Whether it is right about each evaluated sample, by the sample's id.
        answers: What it answers on each of them, by SHA-256.
        accuracy: Of the golden images.
        calibration_error: Expected calibration error, with the artifact's temperature.
        uncalibrated_error: The same without the temperature.
        member_accuracy: Mean of an ensemble's members, each on its own; None for one network.
        plain_accuracy: Of the one linear probe that an ensemble replaces; None where there is none.
        top5_accuracy: Share whose class is among the five likeliest; None up to five classes.
    """

    model: ServedModel
    outcomes: Mapping[int, bool]
    answers: Mapping[str, Answer]
    accuracy: float
    calibration_error: float
    uncalibrated_error: float
    member_accuracy: float | None = None
    plain_accuracy: float | None = None
    top5_accuracy: float | None = None


class GoldenEvaluator:
    """Evaluates classifiers on golden images, and on other samples beside them.

    Args:
        blobs: Where the images are.
        imported: Its golden samples give the figures; its others calibrate served forms.
        others: Samples of which only the outcomes count.
        limits: What one image may cost.
        engines: How versions are served.
    """

    def __init__(
        self,
        blobs: BlobStore,
        imported: Imported,
        others: Sequence[Sample],
        limits: ImageLimits,
        engines: EngineSettings,
    ) -> None:
        self._blobs = blobs
        self._samples = [*imported.golden, *others]
        self._num_golden = len(imported.golden)
        self._imported = imported
        self._limits = limits
        self._engines = engines

    def evaluate(self, result: TransferResult) -> GoldenEvaluation:
        """Return the figures of a transfer's artifact, as it will be served."""
        artifact, plain = result.artifact, result.plain
        calibration, unseen = self._calibration(result.unseen_logits)
        model = served(artifact, self._prepared(artifact, calibration), self._engines, unseen)
        prepared = self._prepared(artifact, self._samples)
        images = LabelRecorder(prepared)
        logits, embeddings = evaluate(model.engine, images)
        member_logits = self._member_logits(artifact, prepared)
        labels = torch.tensor(images.labels)
        right = logits.argmax(dim=1) == labels
        golden, known = logits[: self._num_golden], labels[: self._num_golden]
        return GoldenEvaluation(
            model=model,
            outcomes=dict(zip((sample.id for sample in self._samples), right.tolist(), strict=True)),
            answers=answers_from_logits(logits.numpy(), artifact.temperature).by_image(
                sample.sha256 for sample in self._samples
            ),
            accuracy=_share(right[: self._num_golden]),
            calibration_error=expected_calibration_error(golden.numpy(), known.numpy(), artifact.temperature),
            uncalibrated_error=expected_calibration_error(golden.numpy(), known.numpy()),
            member_accuracy=None
            if member_logits is None
            else _share(member_logits[: self._num_golden].argmax(dim=2) == known.unsqueeze(1)),
            plain_accuracy=None
            if plain is None
            else _share(plain.head.answer(embeddings[: self._num_golden]).argmax(dim=1) == known),
            top5_accuracy=top5_accuracy(golden, known),
        )

    def _calibration(self, logits: Tensor | None) -> tuple[list[Sample], Tensor | None]:
        """Return images to compare a served form on, and their part of a transfer's unseen logits.

        Without these, only validation images are ones that the artifact has not learnt from.
        """
        learnt = () if logits is None else self._imported.train
        samples = [*learnt, *self._imported.validation]
        chosen = spread_evenly([sample.label for sample in samples])
        return [samples[index] for index in chosen], None if logits is None else logits[chosen]

    def _prepared(self, artifact: Artifact, samples: Sequence[Sample]) -> PreparedImages:
        source = StoredImages(items_of(samples, artifact.class_names), self._blobs)
        return PreparedImages(source, augmented(artifact.preprocessing, "none"), self._limits)

    def _member_logits(self, artifact: Artifact, images: LabelledTensors) -> Tensor | None:
        """Return the logits (N, members, C) of an ensemble's members; None for one network."""
        # One network's logits are computed already.
        classifier = artifact.build(self._engines.device) if artifact.num_members > 1 else None
        if not isinstance(classifier, Ensemble):
            return None
        logits, _ = evaluate_logits(
            classifier, images, device=self._engines.device, forward=classifier.classify_each
        )
        return logits


def _share(is_right: Tensor) -> float:
    return float(is_right.double().mean())
