"""A batch of images in, predictions out, with whatever version is live."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from service.errors import NotReadyError
from vision.artifact import Artifact
from vision.network import Classifier

TOP = 5


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A version that is loaded and can answer.

    Attributes:
        version: Its name, such as "v3".
        artifact: What it was built from.
        classifier: The network, on its device, in evaluation mode.
        device: Where it runs.
    """

    version: str
    artifact: Artifact
    classifier: Classifier
    device: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Attributes:
        top: The five likeliest (label, confidence), likeliest first.
        embedding: Float16, little-endian.
        version: What answered.
    """

    top: tuple[tuple[str, float], ...]
    embedding: bytes
    version: str


def load_model(version: str, artifact: Artifact, device: str) -> LiveModel:
    """Build a version's network on a device.

    Raises:
        CorruptArtifactError: The weights don't fit.
    """
    return LiveModel(version, artifact, artifact.build(device), device)


class Predictor:
    """Holds the live version; swapping it is one assignment, between two batches."""

    def __init__(self, live: LiveModel | None = None) -> None:
        self._live = live

    @property
    def live(self) -> LiveModel | None:
        """What answers now; None before the first version was loaded."""
        return self._live

    def require(self) -> LiveModel:
        """Return what answers now.

        Raises:
            NotReadyError: Nothing is loaded yet.
        """
        if self._live is None:
            raise NotReadyError(
                "Expected a loaded version, but none is there yet: the server is still starting."
            )
        return self._live

    def swap(self, live: LiveModel) -> None:
        """Answer with another version from the next batch on."""
        self._live = live

    def predict(self, model: LiveModel, images: Sequence[Tensor]) -> list[Prediction]:
        """Return one prediction for each image, float32 (3, H, W), all from one model."""
        batch = torch.stack(list(images))
        with torch.inference_mode():
            logits, embeddings = model.classifier.classify(batch.to(model.device))
            confidences = torch.softmax(logits.float() / model.artifact.temperature, dim=1)
            values, indices = confidences.topk(min(TOP, confidences.shape[1]), dim=1)
            rows = embeddings.to(torch.float16).cpu().numpy().astype("<f2")
        names = model.artifact.class_names
        return [
            Prediction(
                tuple(
                    (names[index], float(value)) for index, value in zip(row_indices, row_values, strict=True)
                ),
                rows[number].tobytes(),
                model.version,
            )
            for number, (row_indices, row_values) in enumerate(
                zip(indices.tolist(), values.tolist(), strict=True)
            )
        ]
