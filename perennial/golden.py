"""What a trained classifier answers on the images that it is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrain.dataset import StoredImages, items_of
from store.blobs import BlobStore
from store.sample_rows import Sample
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.batches import LabelledTensors
from vision.calibration import expected_calibration_error
from vision.engines.choice import EngineSettings
from vision.engines.served_form import spread_evenly
from vision.engines.serving import ServedModel, served
from vision.ensemble import Ensemble
from vision.evaluation import evaluate, evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.preprocessing import ImageLimits
from vision.transfer import TransferResult


@dataclass(frozen=True, slots=True)
class Judgement:
    """An artifact's figures; accuracies and calibration errors are of the golden images, fractions.

    Attributes:
        model: The artifact as it was judged, and will be served.
        outcomes: Whether it is right about each judged sample, by the sample's id.
        accuracy: Of the golden images.
        calibration_error: Expected calibration error, with the artifact's temperature.
        uncalibrated_error: The same without it.
        member_accuracy: Mean of an ensemble's members, each on its own; None for one network.
        plain_accuracy: Of the one linear probe that an ensemble stands in for; None where there is none.
    """

    model: ServedModel
    outcomes: Mapping[int, bool]
    accuracy: float
    calibration_error: float
    uncalibrated_error: float
    member_accuracy: float | None = None
    plain_accuracy: float | None = None


class Bench:
    """Asks classifiers about golden images, and about others that are judged beside them.

    Args:
        blobs: Where the images lie.
        golden: What the figures are of.
        others: Judged too.
        validation: On which a served form is calibrated.
        limits: What one image may cost.
        engines: How versions are served.
    """

    def __init__(
        self,
        blobs: BlobStore,
        golden: Sequence[Sample],
        others: Sequence[Sample],
        validation: Sequence[Sample],
        limits: ImageLimits,
        engines: EngineSettings,
    ) -> None:
        self._blobs = blobs
        self._samples = [*golden, *others]
        self._num_golden = len(golden)
        self._calibration = [
            validation[index] for index in spread_evenly([sample.label for sample in validation])
        ]
        self._limits = limits
        self._engines = engines

    def judge(self, result: TransferResult) -> Judgement:
        """Return what a transfer's artifact is worth, as it will be served."""
        artifact, plain = result.artifact, result.plain
        model = served(artifact, self._prepared(artifact, self._calibration), self._engines)
        prepared = self._prepared(artifact, self._samples)
        images = LabelRecorder(prepared)
        logits, embeddings = evaluate(model.engine, images)
        each = self._ask_each(artifact, prepared)
        labels = torch.tensor(images.labels)
        right = logits.argmax(dim=1) == labels
        golden, known = logits[: self._num_golden], labels[: self._num_golden]
        return Judgement(
            model=model,
            outcomes=dict(zip((sample.id for sample in self._samples), right.tolist(), strict=True)),
            accuracy=_share(right[: self._num_golden]),
            calibration_error=expected_calibration_error(golden.numpy(), known.numpy(), artifact.temperature),
            uncalibrated_error=expected_calibration_error(golden.numpy(), known.numpy()),
            member_accuracy=None
            if each is None
            else _share(each[: self._num_golden].argmax(dim=2) == known.unsqueeze(1)),
            plain_accuracy=None
            if plain is None
            else _share(plain.head.answer(embeddings[: self._num_golden]).argmax(dim=1) == known),
        )

    def _prepared(self, artifact: Artifact, samples: Sequence[Sample]) -> PreparedImages:
        source = StoredImages(items_of(samples, artifact.class_names), self._blobs)
        return PreparedImages(source, augmented(artifact.preprocessing, "none"), self._limits)

    def _ask_each(self, artifact: Artifact, images: LabelledTensors) -> Tensor | None:
        """Return the logits (N, members, C) of an ensemble's members; None for one network."""
        # One network's answers are there already.
        classifier = artifact.build(self._engines.device) if artifact.num_members > 1 else None
        if not isinstance(classifier, Ensemble):
            return None
        each, _ = evaluate_logits(
            classifier, images, device=self._engines.device, ask=classifier.classify_each
        )
        return each


def _share(is_right: Tensor) -> float:
    return float(is_right.double().mean())
