"""What a trained classifier answers on the images that it is judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from perennial.stored_images import StoredImages
from store.blobs import BlobStore
from store.sample_rows import Sample
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.calibration import expected_calibration_error
from vision.ensemble import Ensemble, mean_logits
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.preprocessing import ImageLimits


@dataclass(frozen=True, slots=True)
class Judgement:
    """An artifact's figures; accuracies and calibration errors are of the golden images, fractions.

    Attributes:
        outcomes: Whether it is right about each judged sample, by the sample's id.
        accuracy: Of the golden images.
        calibration_error: Expected calibration error, with the artifact's temperature.
        uncalibrated_error: The same without it.
        member_accuracy: Mean of an ensemble's members, each on its own; None for one network.
    """

    outcomes: Mapping[int, bool]
    accuracy: float
    calibration_error: float
    uncalibrated_error: float
    member_accuracy: float | None = None


class Bench:
    """Asks artifacts about golden images, and about others that are judged beside them.

    Args:
        blobs: Where the images lie.
        golden: What the figures are of.
        others: Judged too.
        limits: What one image may cost.
        device: Where to compute.
    """

    def __init__(
        self,
        blobs: BlobStore,
        golden: Sequence[Sample],
        others: Sequence[Sample],
        limits: ImageLimits,
        device: str,
    ) -> None:
        self._blobs = blobs
        self._samples = [*golden, *others]
        self._num_golden = len(golden)
        self._limits = limits
        self._device = device

    def judge(self, artifact: Artifact) -> Judgement:
        """Return what an artifact is worth."""
        source = StoredImages(self._blobs, self._samples, artifact.class_names)
        images = LabelRecorder(
            PreparedImages(source, augmented(artifact.preprocessing, "none"), self._limits)
        )
        classifier = artifact.build(self._device)
        each = None
        if isinstance(classifier, Ensemble):
            each, _ = evaluate_logits(classifier, images, device=self._device, ask=classifier.classify_each)
            logits = mean_logits(each)
        else:
            logits, _ = evaluate_logits(classifier, images, device=self._device)
        labels = torch.tensor(images.labels)
        right = logits.argmax(dim=1) == labels
        golden, known = logits[: self._num_golden], labels[: self._num_golden]
        return Judgement(
            outcomes=dict(zip((sample.id for sample in self._samples), right.tolist(), strict=True)),
            accuracy=_share(right[: self._num_golden]),
            calibration_error=expected_calibration_error(golden.numpy(), known.numpy(), artifact.temperature),
            uncalibrated_error=expected_calibration_error(golden.numpy(), known.numpy()),
            member_accuracy=None
            if each is None
            else _share(each[: self._num_golden].argmax(dim=2) == known.unsqueeze(1)),
        )


def _share(is_right: Tensor) -> float:
    return float(is_right.double().mean())
