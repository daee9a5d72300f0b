"""A batch of images in, predictions out, with whatever version is live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import NotReadyError
from vision.artifact import Artifact, describe
from vision.engines.choice import EngineSettings, load_engine
from vision.engines.engine import Engine

TOP = 5


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A version that is loaded and can answer.

    Attributes:
        version: Its name, such as "v3".
        artifact: What it was built from, without the weights, which the engine has.
        engine: Runs its network.
    """

    version: str
    artifact: Artifact
    engine: Engine


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


def load_model(version: str, files: Mapping[str, bytes], settings: EngineSettings) -> LiveModel:
    """Load a version from its files, as the blob store gives them; only those that serve are read.

    Raises:
        CorruptArtifactError: The files are broken, or don't fit each other.
    """
    described = describe(files)
    return LiveModel(version, described, load_engine(described, files, settings))


class Predictor:
    """Holds the live version; swapping it is one assignment, between two batches."""

    def __init__(self, live: LiveModel | None = None) -> None:
        self._live = live
        # Why nothing is live yet, as whoever asks is told.
        self.obstacle = "the server is still starting"

    @property
    def live(self) -> LiveModel | None:
        """What answers now; None before the first version was loaded."""
        return self._live

    def require(self) -> LiveModel:
        """Return what answers now.

        Raises:
            NotReadyError: Nothing is loaded yet; the message says why.
        """
        if self._live is None:
            raise NotReadyError(f"Expected a loaded version, found none: {self.obstacle.rstrip('.')}.")
        return self._live

    def swap(self, live: LiveModel) -> None:
        """Answer with another version from the next batch on."""
        self._live = live

    def predict(self, model: LiveModel, images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
        """Return one prediction for each image's pixels, uint8 (H, W, 3), all from one model."""
        with torch.inference_mode():
            logits, embeddings = model.engine(model.artifact.preprocessing.normalise(np.stack(images)))
            confidences = torch.softmax(logits / model.artifact.temperature, dim=1)
            values, indices = confidences.topk(min(TOP, confidences.shape[1]), dim=1)
            rows = embeddings.to(torch.float16).numpy().astype("<f2")
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
