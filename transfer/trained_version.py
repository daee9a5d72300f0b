"""Trains a version on imported images, and makes it production."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from retrain.dataset import StoredImages, items_of
from retrain.gate.old_evidence import golden_needed_for, margin_for
from store.evidence.answers import store_answers
from store.measurements import Measurement, record
from store.registry import production, promote
from store.samples.clusters import voters
from store.samples.sample import Sample
from store.slices import GOLDEN_PREFIX, add_slice, golden_slice, slice_names, slice_samples
from store.state import State
from store.versions import CURVES, NewVersion, Version, add_version
from transfer.ensemble_gain import EnsembleGain, measure_gain
from transfer.golden_evaluation import GoldenEvaluator
from transfer.importing import Imported
from transfer.settings import TrainSettings
from transfer.training_runs import TrainingPlan, TrainingRuns, run_trainings
from vision.charts import draw_curves
from vision.cores import num_cores
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads
from vision.image_set import ImageSource
from vision.training.progress import RunProgress
from vision.training.training import Epoch, curves_of
from vision.transfer import TransferResult, transfer
from vision.transfer_settings import TransferSettings, plan_steps, settled

WANTED_MARGIN = 0.02


class TrainingListener(Protocol):
    """Is notified of how far a training is."""

    def on_batch(self, done: int, total: int) -> None:
        """Note that `done` of `total` steps of all trainings are made."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Note the figures of an epoch."""

    def on_run(self, name: str) -> None:
        """Note which training begins; called only where there are several."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train, and why.

    Attributes:
        class_names: In the order of the network's outputs.
        transfer: How to train; the strategies "auto" and "best" try several.
        engines: How versions are evaluated and served, and where training runs.
        reason: Kept with the move of the alias.
        description: What the version is, in a few words.
        actor: Who asked.
        unlabelled: Pictures of the target domain for its adaptations; they do not enter the store.
        num_seeds: Trainings with other seeds; the best on validation is kept.
    """

    class_names: tuple[str, ...]
    transfer: TransferSettings
    engines: EngineSettings
    reason: str
    description: str
    actor: str = "train"
    unlabelled: ImageSource | None = None
    num_seeds: int = 1


@dataclass(frozen=True, slots=True)
class TrainedVersion:
    """A trained version with its figures; accuracies are fractions.

    Attributes:
        version: In production now.
        runs: Its own result, and those that it was chosen among.
        class_accuracy: On golden images, by class; a class without any is not in it.
        num_golden: How many golden images there are.
        margin: That the gate allows.
        gain: What the ensemble is worth; None where it is one network.
    """

    version: Version
    runs: TrainingRuns
    class_accuracy: dict[str, float]
    num_golden: int
    margin: float
    gain: EnsembleGain | None

    @property
    def golden_needed(self) -> int | None:
        """Golden images that would make the gate's margin 2 points; None where it is that already."""
        return golden_needed_for(WANTED_MARGIN) if self.margin > WANTED_MARGIN else None


def engine_settings(settings: TrainSettings) -> EngineSettings:
    """Return how a training runs versions: on the engine that serves them, with all cores for one call."""
    threads = Threads(num_threads=num_cores())
    return EngineSettings(settings.engine, settings.precision, resolve_device(settings.device), threads)


def train_version(
    state: State, imported: Imported, job: TrainingJob, listener: TrainingListener
) -> TrainedVersion:
    """Transfer a classifier to the imported images and make the result production.

    Raises:
        VisionError: The weights, the backbone or the settings can't be used.
    """
    runs = _run_trainings(state, imported, job, listener)
    result, evaluation = runs.result, runs.evaluation
    margin = margin_for(len(imported.golden))
    curves = draw_curves(result.epochs, result.diagnosis, result.best_epoch)
    contents = {**evaluation.model.to_files(), "curves.png": curves}
    files = {name: state.blobs.put(content) for name, content in contents.items()}

    def work(connection: Connection) -> Version:
        # An earlier version with the very same files may have been dropped since they were put.
        state.blobs.ensure({files[name]: content for name, content in contents.items()})
        parent = production(connection)
        new = NewVersion(
            class_names=job.class_names,
            files=files,
            metrics=_metrics(runs, job, len(imported.golden)),
            parent=parent.version if parent is not None else None,
            margin=margin,
            begins_lineage=parent is not None and _begins_lineage(parent, job.class_names),
        )
        version = add_version(connection, new, _seen(imported))
        store_answers(connection, version.version, evaluation.answers)
        _add_golden(connection, version, imported.golden)
        _record_accuracies(connection, version, evaluation.outcomes)
        promote(connection, version.version, reason=job.reason, actor=job.actor, force=True)
        return version

    version = state.database.write(work)
    by_class = _class_accuracy(imported.golden, evaluation.outcomes, job.class_names)
    gain = measure_gain(result, evaluation, job.engines.device)
    return TrainedVersion(version, runs, by_class, len(imported.golden), margin, gain)


def _run_trainings(
    state: State, imported: Imported, job: TrainingJob, listener: TrainingListener
) -> TrainingRuns:
    training, validation = (
        StoredImages(items_of(part, job.class_names), state.blobs)
        for part in (imported.train, imported.validation)
    )

    def num_steps(settings: TransferSettings) -> int:
        num_images = len(training), len(validation), len(job.unlabelled or ())
        return sum(plan_steps(settings, num_images, len(job.class_names)))

    settings = settled(job.transfer, len(job.unlabelled or ()))
    plan = TrainingPlan(settings, job.num_seeds, len(training) // len(job.class_names))
    steps = [num_steps(settings) for trainings in plan.trainings() for settings in trainings]
    progress = RunProgress(steps, listener.on_batch)

    def train(settings: TransferSettings) -> TransferResult:
        return transfer(
            training,
            validation,
            job.class_names,
            settings,
            unlabelled=job.unlabelled,
            device=job.engines.device,
            on_epoch=listener.on_epoch,
            on_batch=progress,
        )

    evaluator = GoldenEvaluator(
        state.blobs, imported, _other_slices(state, imported, job), job.transfer.limits, job.engines
    )
    return run_trainings(plan, train, evaluator.evaluate, listener.on_run)


def _other_slices(state: State, imported: Imported, job: TrainingJob) -> list[Sample]:
    """Return the samples of every slice of the version's lineage that are not among its golden images."""
    samples: dict[int, Sample] = {}
    with state.database.read() as connection:
        parent = production(connection)
        if parent is not None and not _begins_lineage(parent, job.class_names):
            for name in slice_names(connection, parent.lineage, parent.version):
                samples |= {sample.id: sample for sample in slice_samples(connection, name)}
    golden = {sample.id for sample in imported.golden}
    return [sample for sample in samples.values() if sample.id not in golden]


def _accuracy(samples: Sequence[Sample], outcomes: Mapping[int, bool]) -> float:
    return sum(outcomes[sample.id] for sample in samples) / len(samples)


def _seen(imported: Imported) -> list[tuple[int, str, int | None]]:
    parts = (("train", imported.train), ("validation", imported.validation))
    return [(sample.id, role, sample.label_revision) for role, part in parts for sample in part]


def _begins_lineage(parent: Version, class_names: Sequence[str]) -> bool:
    # A starter's own images say nothing about the user's, even where the class names are the same.
    return parent.is_starter or set(parent.class_names) != set(class_names)


def _add_golden(connection: Connection, version: Version, golden: Sequence[Sample]) -> None:
    """Make the golden images a slice.

    A second training in one lineage adds another slice, which holds the new images only. The first slice
    stays as it was, so that all figures of a slice are of the same images.
    """
    name = golden_slice(version.lineage)
    known = slice_names(connection, version.lineage)
    # After a renewal too: what was measured on a name is of the images that it had then.
    if any(other.startswith(GOLDEN_PREFIX) for other in known):
        held = {sample.id for other in known for sample in slice_samples(connection, other)}
        golden = [sample for sample in golden if sample.id not in held]
        name = f"{name}-{version.version}"
    if golden:
        add_slice(connection, name, version.lineage, None, [sample.id for sample in golden])


def _record_accuracies(connection: Connection, version: Version, outcomes: Mapping[int, bool]) -> None:
    """Record the version's accuracy on every slice; forgetting compares versions on slices."""
    for name in slice_names(connection, version.lineage, version.version):
        samples = voters(slice_samples(connection, name))
        # Samples that a round added during the training were not judged.
        judged = [sample for sample in samples if sample.id in outcomes]
        if judged and len(judged) == len(samples):
            accuracy = _accuracy(judged, outcomes)
            record(connection, Measurement("accuracy", accuracy, len(judged), version.version, name))


def _metrics(runs: TrainingRuns, job: TrainingJob, num_golden: int) -> dict[str, Any]:
    result, top5 = runs.result, runs.evaluation.top5_accuracy
    return {
        "description": job.description,
        "golden_accuracy": runs.evaluation.accuracy,
        **({} if top5 is None else {"golden_top5_accuracy": top5}),
        "num_golden": num_golden,
        "calibration_error": runs.evaluation.calibration_error,
        "uncalibrated_error": runs.evaluation.uncalibrated_error,
        "validation_accuracy": result.validation_accuracy,
        "strategy": result.strategy,
        "adaptations": list(result.adaptations),
        "backbone": result.artifact.backbone,
        "image_size": result.artifact.preprocessing.image_size,
        "temperature": result.artifact.temperature,
        "diagnosis": result.diagnosis,
        CURVES: {
            **curves_of(result.epochs, result.best_epoch, result.diagnosis),
            # A head that is solved has no epochs: each of its points is one penalty on the weights.
            "unit": "penalty" if result.strategy == "linear_probe" else "epoch",
        },
        "num_epochs": len(result.epochs),
        "num_members": result.artifact.num_members,
        "seed": runs.chosen_seed,
        **runs.evaluation.model.metrics(),
    }


def _class_accuracy(
    golden: Sequence[Sample], outcomes: Mapping[int, bool], class_names: Sequence[str]
) -> dict[str, float]:
    by_class = {name: [sample for sample in golden if sample.label == name] for name in class_names}
    return {name: _accuracy(samples, outcomes) for name, samples in by_class.items() if samples}
