"""`perennial train`: from a user's images to the version in production."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from perennial.cores import num_cores
from perennial.ensemble_gain import EnsembleGain, measure_gain
from perennial.golden import Bench
from perennial.importing import Imported
from perennial.settings import Settings
from perennial.state import State
from perennial.trials import Plan, Trials, run_trials
from retrain.dataset import StoredImages, items_of
from retrain.gate import golden_needed_for, margin_for
from store.measurements import Measurement, record
from store.registry import Version, production, promote
from store.sample_rows import Sample
from store.slices import add_slice, golden_slice, slice_names, slice_samples
from store.versions import NewVersion, add_version
from vision.charts import draw_curves
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads
from vision.training import Epoch
from vision.transfer import ImageSource, TransferResult, TransferSettings, transfer
from vision.transfer_settings import plan_steps

WANTED_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far training is; `on_run` hears what is trained next, where that is several."""

    on_epoch: Callable[[Epoch], None]
    on_batch: Callable[[int, int], None]
    on_run: Callable[[str], None] = field(default=lambda name: None)


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, and why.

    Attributes:
        class_names: In the order of the network's outputs.
        transfer: How to train; the strategy may be "best", which tries each.
        num_repeats: Trainings with other seeds, of which the best on validation is kept.
        engines: How versions are judged and served, and where training runs.
        reason: Kept with the move of the alias.
        description: What the version is, in a few words.
        actor: Who asked.
        unlabelled: Pictures of the target domain for its adaptations; they do not enter the store.
        is_starter: Nobody chose this model: the user's own replaces it.
    """

    class_names: tuple[str, ...]
    transfer: TransferSettings
    engines: EngineSettings
    reason: str
    description: str
    actor: str = "train"
    unlabelled: ImageSource | None = None
    is_starter: bool = False
    num_repeats: int = 1


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained version with its figures; accuracies are fractions.

    Attributes:
        version: In production now.
        trials: What it was chosen among, and its own result.
        class_accuracy: On golden images, by class.
        num_golden: How many of them there are.
        margin: That the gate allows.
        gain: What it is worth as an ensemble; None where it is one network.
    """

    version: Version
    trials: Trials
    class_accuracy: dict[str, float]
    num_golden: int
    margin: float
    gain: EnsembleGain | None

    @property
    def golden_needed(self) -> int | None:
        """Golden images that would make the gate's margin 2 points; None where it is."""
        return golden_needed_for(WANTED_MARGIN) if self.margin > WANTED_MARGIN else None


def engine_settings(settings: Settings) -> EngineSettings:
    """Return how a training runs versions: as those who serve them, but on all cores for one call."""
    threads = Threads(num_threads=num_cores())
    return EngineSettings(settings.engine, settings.precision, resolve_device(settings.device), threads)


def train_version(state: State, imported: Imported, job: Job, progress: Progress) -> Trained:
    """Transfer a classifier to the imported images and make the result production.

    Raises:
        VisionError: The weights, the backbone or the settings can't be used.
    """
    trials = _run_trials(state, imported, job, progress)
    result, judgement = trials.result, trials.judgement
    margin = margin_for(len(imported.golden))
    curves = draw_curves(result.epochs, result.diagnosis, result.best_epoch)
    contents = {**judgement.model.to_files(), "curves.png": curves}
    files = {name: state.blobs.put(content) for name, content in contents.items()}

    def work(connection: Connection) -> Version:
        # An earlier version with the very same files may have been dropped since they were put.
        state.blobs.ensure({files[name]: content for name, content in contents.items()})
        parent = production(connection)
        if job.is_starter and parent is not None:
            return parent  # somebody trained one meanwhile, which a starter must never replace
        new = NewVersion(
            class_names=job.class_names,
            files=files,
            metrics=_metrics(trials, job, len(imported.golden)),
            parent=parent.version if parent is not None else None,
            margin=margin,
            is_starter=job.is_starter,
            begins_lineage=parent is not None and _begins_lineage(parent, job.class_names),
        )
        version = add_version(connection, new, _seen(imported))
        _add_golden(connection, version, imported.golden)
        _record_accuracies(connection, version, judgement.outcomes)
        promote(connection, version.version, reason=job.reason, actor=job.actor, force=True)
        return version

    version = state.database.write(work)
    by_class = _class_accuracy(imported.golden, judgement.outcomes, job.class_names)
    gain = measure_gain(result, judgement, job.engines.device)
    return Trained(version, trials, by_class, len(imported.golden), margin, gain)


def _run_trials(state: State, imported: Imported, job: Job, progress: Progress) -> Trials:
    training, validation = (
        StoredImages(items_of(part, job.class_names), state.blobs)
        for part in (imported.train, imported.validation)
    )

    def train(settings: TransferSettings, tell: Callable[[int, int], None]) -> TransferResult:
        return transfer(
            training,
            validation,
            job.class_names,
            settings,
            unlabelled=job.unlabelled,
            device=job.engines.device,
            on_epoch=progress.on_epoch,
            on_batch=tell,
        )

    def num_steps(settings: TransferSettings) -> int:
        num_images = len(training), len(validation), len(job.unlabelled or ())
        return sum(plan_steps(settings, num_images, len(job.class_names)))

    bench = Bench(
        state.blobs,
        imported.golden,
        _others(state, imported, job),
        imported.validation,
        job.transfer.limits,
        job.engines,
    )
    plan = Plan(job.transfer, job.num_repeats, num_steps, progress.on_batch, progress.on_run)
    return run_trials(plan, train, bench.judge)


def _others(state: State, imported: Imported, job: Job) -> list[Sample]:
    """Return what the new version will be judged on beside the golden images: every slice of its lineage."""
    others: dict[int, Sample] = {}
    with state.database.read() as connection:
        parent = production(connection)
        if parent is not None and not _begins_lineage(parent, job.class_names):
            for name in slice_names(connection, parent.lineage, parent.version):
                others |= {sample.id: sample for sample in slice_samples(connection, name)}
    golden = {sample.id for sample in imported.golden}
    return [sample for sample in others.values() if sample.id not in golden]


def _accuracy(samples: Sequence[Sample], outcomes: Mapping[int, bool]) -> float:
    return sum(outcomes[sample.id] for sample in samples) / len(samples)


def _seen(imported: Imported) -> list[tuple[int, str, int | None]]:
    parts = (("train", imported.train), ("validation", imported.validation))
    return [(sample.id, role, sample.label_revision) for role, part in parts for sample in part]


def _begins_lineage(parent: Version, class_names: Sequence[str]) -> bool:
    # A starter's own images say nothing about the user's, also where the names happen to be the same.
    return parent.is_starter or set(parent.class_names) != set(class_names)


def _add_golden(connection: Connection, version: Version, golden: Sequence[Sample]) -> None:
    """Make the golden images a slice.

    A second training in one lineage adds another slice, of what is new: what the first one held stays as it
    was, so that all figures of a slice are of the same images.
    """
    name = golden_slice(version.lineage)
    known = slice_names(connection, version.lineage)
    if name in known:
        held = {sample.id for other in known for sample in slice_samples(connection, other)}
        golden = [sample for sample in golden if sample.id not in held]
        name = f"{name}-{version.version}"
    if golden:
        add_slice(connection, name, version.lineage, None, [sample.id for sample in golden])


def _record_accuracies(connection: Connection, version: Version, outcomes: Mapping[int, bool]) -> None:
    """Note the version's accuracy on every slice that it is judged on: forgetting compares versions there."""
    for name in slice_names(connection, version.lineage, version.version):
        samples = slice_samples(connection, name)
        # What a round added during the training was not judged.
        judged = [sample for sample in samples if sample.id in outcomes]
        if judged and len(judged) == len(samples):
            accuracy = _accuracy(judged, outcomes)
            record(connection, Measurement("accuracy", accuracy, len(judged), version.version, name))


def _metrics(trials: Trials, job: Job, num_golden: int) -> dict[str, Any]:
    result = trials.result
    return {
        "description": job.description,
        "golden_accuracy": trials.judgement.accuracy,
        "num_golden": num_golden,
        "calibration_error": trials.judgement.calibration_error,
        "uncalibrated_error": trials.judgement.uncalibrated_error,
        "validation_accuracy": result.validation_accuracy,
        "strategy": result.strategy,
        "adaptations": list(result.adaptations),
        "backbone": result.artifact.backbone,
        "image_size": result.artifact.preprocessing.image_size,
        "temperature": result.artifact.temperature,
        "diagnosis": result.diagnosis,
        "num_epochs": len(result.epochs),
        "num_members": result.artifact.num_members,
        "seed": trials.chosen_seed,
        **trials.judgement.model.metrics(),
    }


def _class_accuracy(
    golden: Sequence[Sample], outcomes: Mapping[int, bool], class_names: Sequence[str]
) -> dict[str, float]:
    by_class = {name: [sample for sample in golden if sample.label == name] for name in class_names}
    return {name: _accuracy(samples, outcomes) for name, samples in by_class.items() if samples}
