"""`perennial train`: from a user's images to the version in production."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sqlalchemy import Connection

from perennial.importing import Imported
from perennial.state import State
from retrain.gate import golden_needed_for, margin_for
from store.measurements import Measurement, record
from store.registry import production, promote
from store.sample_rows import Sample
from store.slices import add_slice, golden_slice, slice_names
from store.versions import NewVersion, Version, add_version
from vision.artifact import Artifact, to_files
from vision.augmentation import augmented
from vision.curves import draw_curves
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.preprocessing import ImageLimits
from vision.training import Epoch
from vision.transfer import TransferResult, TransferSettings, transfer

WANTED_MARGIN = 0.02


class StoredImages:
    """The bytes of samples with their class index, read from the store one by one."""

    def __init__(self, state: State, samples: Sequence[Sample], class_names: Sequence[str]) -> None:
        self._blobs = state.blobs
        numbers = {name: number for number, name in enumerate(class_names)}
        self._items = [(sample.sha256, numbers[str(sample.label)]) for sample in samples]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        sha256, label = self._items[index]
        return self._blobs.get(sha256), label


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far training is."""

    on_epoch: Callable[[Epoch], None]
    on_batch: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained version with its figures; accuracies are fractions."""

    version: Version
    result: TransferResult
    golden_accuracy: float
    class_accuracy: dict[str, float]
    num_golden: int
    margin: float
    curves: bytes

    @property
    def golden_needed(self) -> int | None:
        """Golden images that would make the gate's margin 2 points; None where it is."""
        return golden_needed_for(WANTED_MARGIN) if self.margin > WANTED_MARGIN else None


def train_version(
    state: State,
    imported: Imported,
    class_names: Sequence[str],
    settings: TransferSettings,
    progress: Progress,
    *,
    device: str,
    is_starter: bool = False,
    reason: str,
) -> Trained:
    """Transfer a classifier to the imported images and make the result production.

    Raises:
        VisionError: The weights, the backbone or the settings can't be used.
    """
    result = transfer(
        StoredImages(state, imported.train, class_names),
        StoredImages(state, imported.validation, class_names),
        tuple(class_names),
        settings,
        device=device,
        on_epoch=progress.on_epoch,
        on_batch=progress.on_batch,
    )
    right = _golden_outcomes(state, imported.golden, result.artifact, device)
    margin = margin_for(len(imported.golden))
    curves = draw_curves(result.epochs)
    files = {**to_files(result.artifact), "curves.png": curves}
    stored = {name: state.blobs.put(content) for name, content in files.items()}
    metrics = _metrics(result, float(right.mean()), len(right))

    def work(connection: Connection) -> Version:
        parent = production(connection)
        new = NewVersion(
            class_names=tuple(class_names),
            files=stored,
            metrics=metrics,
            parent=parent.version if parent is not None else None,
            margin=margin,
            is_starter=is_starter,
            begins_lineage=parent is not None and _begins_lineage(parent, class_names),
        )
        version = add_version(connection, new, _seen(imported))
        _add_golden(connection, version, imported.golden)
        _record_golden(connection, version, float(right.mean()), len(right))
        promote(connection, version.version, reason=reason, actor="train", force=True)
        return version

    version = state.database.write(work)
    by_class = _class_accuracy(imported.golden, right, class_names)
    return Trained(version, result, float(right.mean()), by_class, len(right), margin, curves)


def _golden_outcomes(
    state: State, golden: Sequence[Sample], artifact: Artifact, device: str
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    source = StoredImages(state, golden, artifact.class_names)
    images = PreparedImages(source, augmented(artifact.preprocessing, "none"), ImageLimits())
    logits, _ = evaluate_logits(artifact.build(device), images, device=device)
    labels = torch.tensor([source[index][1] for index in range(len(source))])
    right: np.ndarray[Any, np.dtype[np.bool_]] = (logits.argmax(dim=1) == labels).numpy()
    return right


def _seen(imported: Imported) -> list[tuple[int, str, int | None]]:
    parts = (("train", imported.train), ("validation", imported.validation))
    return [(sample.id, role, sample.label_revision) for role, part in parts for sample in part]


def _begins_lineage(parent: Version, class_names: Sequence[str]) -> bool:
    # A starter never judged the user's images, also where the names happen to be the same.
    return parent.is_starter or set(parent.class_names) != set(class_names)


def _add_golden(connection: Connection, version: Version, golden: Sequence[Sample]) -> None:
    name = golden_slice(version.lineage)
    if name not in slice_names(connection, version.lineage):
        add_slice(connection, name, version.lineage, None, [sample.id for sample in golden])


def _record_golden(connection: Connection, version: Version, accuracy: float, num: int) -> None:
    name = golden_slice(version.lineage)
    record(connection, Measurement("accuracy", accuracy, num, version=version.version, slice=name))


def _metrics(result: TransferResult, golden: float, num_golden: int) -> dict[str, Any]:
    return {
        "golden_accuracy": golden,
        "num_golden": num_golden,
        "validation_accuracy": result.validation_accuracy,
        "strategy": result.strategy,
        "backbone": result.artifact.backbone,
        "image_size": result.artifact.preprocessing.image_size,
        "temperature": result.artifact.temperature,
        "diagnosis": result.diagnosis,
        "num_epochs": len(result.epochs),
    }


def _class_accuracy(
    golden: Sequence[Sample], right: np.ndarray[Any, np.dtype[np.bool_]], class_names: Sequence[str]
) -> dict[str, float]:
    labels = np.array([sample.label for sample in golden])
    return {name: float(right[labels == name].mean()) for name in class_names if (labels == name).any()}
