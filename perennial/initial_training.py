"""`perennial train`: from a user's images to the version in production."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from perennial.importing import Imported
from perennial.state import State
from retrain.gate import golden_needed_for, margin_for
from store.measurements import Measurement, record
from store.registry import Version, production, promote
from store.sample_rows import Sample
from store.slices import add_slice, golden_slice, slice_names, slice_samples
from store.versions import NewVersion, add_version
from vision.artifact import Artifact, to_files
from vision.augmentation import augmented
from vision.curves import draw_curves
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
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
class Job:
    """What to train, and why.

    Attributes:
        class_names: In the order of the network's outputs.
        transfer: How to train.
        device: Where: "cpu" or "cuda".
        reason: Kept with the move of the alias.
        description: What the version is, in a few words.
        actor: Who asked.
        is_starter: Nobody chose this model: the user's own replaces it.
    """

    class_names: tuple[str, ...]
    transfer: TransferSettings
    device: str
    reason: str
    description: str
    actor: str = "train"
    is_starter: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained version with its figures; accuracies are fractions."""

    version: Version
    result: TransferResult
    golden_accuracy: float
    class_accuracy: dict[str, float]
    num_golden: int
    margin: float

    @property
    def golden_needed(self) -> int | None:
        """Golden images that would make the gate's margin 2 points; None where it is."""
        return golden_needed_for(WANTED_MARGIN) if self.margin > WANTED_MARGIN else None


def train_version(state: State, imported: Imported, job: Job, progress: Progress) -> Trained:
    """Transfer a classifier to the imported images and make the result production.

    Raises:
        VisionError: The weights, the backbone or the settings can't be used.
    """
    result = transfer(
        StoredImages(state, imported.train, job.class_names),
        StoredImages(state, imported.validation, job.class_names),
        job.class_names,
        job.transfer,
        device=job.device,
        on_epoch=progress.on_epoch,
        on_batch=progress.on_batch,
    )
    right = _golden_outcomes(state, imported.golden, result.artifact, job)
    accuracy, margin = float(right.mean()), margin_for(len(right))
    curves = draw_curves(result.epochs, result.diagnosis, result.best_epoch)
    contents = {**to_files(result.artifact), "curves.png": curves}
    files = {name: state.blobs.put(content) for name, content in contents.items()}

    def work(connection: Connection) -> Version:
        parent = production(connection)
        new = NewVersion(
            class_names=job.class_names,
            files=files,
            metrics=_metrics(result, job, accuracy, len(right)),
            parent=parent.version if parent is not None else None,
            margin=margin,
            is_starter=job.is_starter,
            begins_lineage=parent is not None and _begins_lineage(parent, job.class_names),
        )
        version = add_version(connection, new, _seen(imported))
        _record_golden(connection, version, imported.golden, accuracy)
        promote(connection, version.version, reason=job.reason, actor=job.actor, force=True)
        return version

    version = state.database.write(work)
    by_class = _class_accuracy(imported.golden, right, job.class_names)
    return Trained(version, result, accuracy, by_class, len(right), margin)


def _golden_outcomes(
    state: State, golden: Sequence[Sample], artifact: Artifact, job: Job
) -> NDArray[np.bool_]:
    source = StoredImages(state, golden, artifact.class_names)
    images = LabelRecorder(
        PreparedImages(source, augmented(artifact.preprocessing, "none"), job.transfer.limits)
    )
    logits, _ = evaluate_logits(artifact.build(job.device), images, device=job.device)
    right: NDArray[np.bool_] = logits.argmax(dim=1).numpy() == np.array(images.labels)
    return right


def _seen(imported: Imported) -> list[tuple[int, str, int | None]]:
    parts = (("train", imported.train), ("validation", imported.validation))
    return [(sample.id, role, sample.label_revision) for role, part in parts for sample in part]


def _begins_lineage(parent: Version, class_names: Sequence[str]) -> bool:
    # A starter's own images say nothing about the user's, also where the names happen to be the same.
    return parent.is_starter or set(parent.class_names) != set(class_names)


def _record_golden(
    connection: Connection, version: Version, golden: Sequence[Sample], accuracy: float
) -> None:
    """Make the golden images a slice, and note the version's accuracy there.

    A second training in one lineage adds another slice: what the first one held stays as it was, so that
    all figures of a slice are of the same images.
    """
    name = golden_slice(version.lineage)
    known = slice_names(connection, version.lineage)
    if name in known:
        held = {sample.id for other in known for sample in slice_samples(connection, other)}
        golden = [sample for sample in golden if sample.id not in held]
        name = f"{name}-{version.version}"
    if golden:
        add_slice(connection, name, version.lineage, None, [sample.id for sample in golden])
        record(connection, Measurement("accuracy", accuracy, len(golden), version.version, name))


def _metrics(result: TransferResult, job: Job, golden: float, num_golden: int) -> dict[str, Any]:
    return {
        "description": job.description,
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
    golden: Sequence[Sample], right: NDArray[np.bool_], class_names: Sequence[str]
) -> dict[str, float]:
    labels = np.array([sample.label for sample in golden])
    return {name: float(right[labels == name].mean()) for name in class_names if (labels == name).any()}
