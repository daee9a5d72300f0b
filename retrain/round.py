"""One round, read top to bottom: from pending samples to a new production version, or back to the old."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from sqlalchemy import Connection

from retrain.agreement import live_accuracy, logged_images
from retrain.cures import Cure, next_cure
from retrain.dataset import Cuts, collect
from retrain.errors import NoChampionError, RoundCancelledError
from retrain.evaluation import Comparison, Examination, LiveAccuracy
from retrain.fine_tune import Lesson, Listeners, fine_tune
from retrain.gate import Verdict, judge, margin_for
from retrain.interpolation import Ballot, choose_blend
from retrain.journal import Journal
from retrain.materials import Materials, gather
from retrain.promotion import Proposal, settle
from retrain.settings import RoundSettings
from retrain.workbench import State, Workbench
from store import registry, rounds, slices
from store.blobs import BlobStore
from store.database import Database
from store.errors import ChampionChangedError
from store.registry import Version
from store.slices import golden_slice
from vision.adaptation.choice import MIN_UNLABELLED
from vision.charts import draw_curves
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads
from vision.engines.serving import ServedModel
from vision.errors import TrainingDivergedError
from vision.training import Epoch, TrainingResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handles:
    """What a round works with; `rest` is called between pieces of its training."""

    database: Database
    blobs: BlobStore
    settings: RoundSettings
    rest: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a round sets out from, read in one moment.

    Attributes:
        champion: The version in production.
        cuts: The samples.
        live: The champion's accuracy on live traffic.
        logged: Logged images to rehearse and held out, for a champion without a golden set.
        looks: Earlier verdicts that judged any of the new holdout.
        target: SHA-256 of images that production has seen of late, where the round adapts to them.
    """

    champion: Version
    cuts: Cuts
    live: LiveAccuracy
    logged: tuple[list[str], list[str]] | None
    looks: int
    target: tuple[str, ...] = ()


def run_round(handles: Handles, round_id: int, fencing: int, obstacle: str | None = None) -> None:
    """Run a round that the learner has begun; `obstacle` to its low weight is written among its steps.

    Raises:
        FencedError: The lease went to another learner; nothing was written since.
    """
    journal = Journal(handles.database, round_id, fencing)
    if obstacle is not None:
        journal.note("priority", obstacle=obstacle, threads=1)
    try:
        LearningRound(handles, journal).run()
    except RoundCancelledError as error:
        journal.end("cancelled", str(error))
    except ChampionChangedError as error:
        journal.end("cancelled", f"A person's move of production wins over the round. {error}")
    except NoChampionError as error:
        journal.end("failed", str(error))
    except TrainingDivergedError as error:
        journal.end("rejected", f"Training failed. {error}")


class LearningRound:
    """One round: `run` is the loop, the rest its steps in their order."""

    def __init__(self, handles: Handles, journal: Journal) -> None:
        self._handles = handles
        self._settings = handles.settings
        self._journal = journal
        # A repeated round draws what it drew before.
        self._rng = np.random.default_rng([handles.settings.fine_tune.seed, journal.round_id])

    def run(self) -> None:
        """Learn from the pending samples, and let the gate decide."""
        start = self._take_samples()
        if not start.cuts.new_training:
            self._journal.end("inconclusive", "There are no new samples to learn from.")
            return
        bench = Workbench(start.champion, self._handles.blobs, self._engines(), self._settings.limits)
        materials = gather(start.cuts, start.logged, bench, self._num_replayed(start.cuts))
        tuned = self._fine_tune(start, bench, materials)
        examination = self._examine_champion(start, bench, materials, tuned)
        candidate = self._finish(bench, tuned.state, materials)
        verdicts: list[Verdict] = []
        cures: list[Cure] = []
        while True:
            self._journal.stop_if_cancelled()
            comparison = examination.compare(candidate)
            verdict = self._judge(start, comparison)
            verdicts.append(verdict)
            self._journal.attempt(len(verdicts), cures[-1] if cures else "fine_tune", verdict)
            if verdict.decision == "passed":
                files = {**candidate.to_files(), "curves.png": _curves(tuned)}
                self._promote(start, files, comparison, verdict, _metrics(comparison, candidate, tuned))
                return
            cure = next_cure(verdict, cures, self._settings.gate.max_candidates)
            if cure is None:
                self._keep_production(verdicts)
                return
            cures.append(cure)
            candidate = self._interpolate(start, bench, materials, tuned.state)

    def _engines(self) -> EngineSettings:
        settings = self._settings
        threads = Threads(num_threads=settings.fine_tune.num_threads)
        return EngineSettings(settings.engine, settings.precision, resolve_device(settings.device), threads)

    def _take_samples(self) -> Start:
        with self._handles.database.read() as connection:
            start = self._read_start(connection)
        self._journal.take(start.cuts.taken())
        return start

    def _read_start(self, connection: Connection) -> Start:
        champion = registry.production(connection)
        if champion is None:
            raise NoChampionError(
                "A round starts from a production version; there is none. Run `train` first."
            )
        recorded = rounds.find_round(connection, self._journal.round_id).production
        if recorded != champion.version:
            raise ChampionChangedError(
                f"The round began from {recorded}, and production is {champion.version}."
            )
        cuts = collect(connection, champion, self._settings.fine_tune.replay_ratio, self._rng)
        golden = golden_slice(champion.lineage)
        has_golden = any(members and name.startswith(golden) for name, members in cuts.slices.items())
        holdout = [sample.id for sample in cuts.new_holdout]
        new = (*cuts.new_training, *cuts.new_validation, *cuts.new_holdout)
        blobs = self._handles.blobs
        return Start(
            champion=champion,
            cuts=cuts,
            live=live_accuracy(connection, champion, new, self._settings.min_audits),
            logged=None if has_golden else logged_images(connection, blobs, self._settings.max_agreement),
            looks=slices.num_looks(connection, holdout),
            target=self._target(connection),
        )

    def _target(self, connection: Connection) -> tuple[str, ...]:
        if "batch_norm" not in self._settings.adaptations:
            return ()
        images, _ = logged_images(connection, self._handles.blobs, self._settings.max_adapted)
        return tuple(images[: self._settings.max_adapted]) if len(images) >= MIN_UNLABELLED else ()

    def _fine_tune(self, start: Start, bench: Workbench, materials: Materials) -> TrainingResult:
        self._journal.enter("training", **materials.counts(), num_adapted=len(start.target))
        settings = replace(
            self._settings.fine_tune,
            seed=self._settings.fine_tune.seed + self._journal.round_id,
            precision=bench.training_precision(),
        )
        lesson = Lesson(
            training=bench.images(
                materials.learnt,
                settings.augmentation,
                settings.seed,
                simulates_shift="augmentation" in self._settings.adaptations,
            ),
            num_new=materials.num_new,
            validation=bench.images(materials.chosen_on),
        )
        listeners = Listeners(
            on_epoch=self._hear_epoch,
            on_batch=lambda done, total: self._journal.look_up(),
            on_piece=self._handles.rest,
        )
        return fine_tune(bench.artifact, bench.student(start.target), lesson, settings, listeners)

    def _hear_epoch(self, epoch: Epoch) -> None:
        self._journal.note("epoch", **asdict(epoch))
        self._journal.stop_if_cancelled()

    def _examine_champion(
        self, start: Start, bench: Workbench, materials: Materials, tuned: TrainingResult
    ) -> Examination:
        curves = {
            "epochs": [asdict(epoch) for epoch in tuned.epochs],
            "best_epoch": tuned.best_epoch,
            "diagnosis": tuned.diagnosis,
        }
        self._journal.enter_evaluating(curves)
        return Examination(materials.old, materials.new, bench.champion, start.live, bench.answer)

    def _judge(self, start: Start, comparison: Comparison) -> Verdict:
        num_old = sum(len(outcomes) for outcomes in comparison.old)
        margin = start.champion.margin
        return judge(
            comparison.old,
            comparison.new,
            margin=margin_for(max(num_old, 1)) if margin is None else margin,
            looks=start.looks,
            calibration=comparison.calibration,
            class_names=start.champion.class_names,
            settings=self._settings.gate,
            rng=self._rng,
        )

    def _interpolate(self, start: Start, bench: Workbench, materials: Materials, tuned: State) -> ServedModel:
        items, num_new = materials.chosen_on, materials.num_new_chosen_on
        labels = torch.tensor([item.label for item in items])
        champion = bench.answer_in_float32(dict(bench.artifact.state), items)
        margin = start.champion.margin or margin_for(max(len(items) - num_new, 1))
        ballot = Ballot(
            labels=labels,
            is_new=torch.arange(len(items)) < num_new,
            champion_right=champion.argmax(dim=1).eq(labels),
            max_flips=self._settings.blend_caution * self._settings.gate.max_negative_flips,
            # The gate holds a lower bound to the margin: a blend that loses half of that here misses it.
            max_loss=(1 - self._settings.blend_caution) * 2 * margin,
        )

        def ask(weight: float) -> torch.Tensor:
            self._journal.stop_if_cancelled()
            return bench.answer_in_float32(bench.blended(tuned, weight), items)

        chosen, tried = choose_blend(self._settings.blends, ask, ballot)
        self._journal.note("interpolate", weight=chosen.weight, tried=[asdict(blend) for blend in tried])
        return self._finish(bench, bench.blended(tuned, chosen.weight), materials)

    def _finish(self, bench: Workbench, state: State, materials: Materials) -> ServedModel:
        candidate = bench.finished(
            state,
            materials.chosen_on,
            materials.num_new_chosen_on,
            keeps_temperature=materials.is_self_labelled,
        )
        self._journal.note("served_form", **candidate.metrics())
        return candidate

    def _promote(
        self,
        start: Start,
        files: Mapping[str, bytes],
        comparison: Comparison,
        verdict: Verdict,
        metrics: Mapping[str, object],
    ) -> None:
        proposal = Proposal(
            champion=start.champion,
            files=files,
            taken=start.cuts.taken(),
            accuracy=comparison.accuracy,
            verdict=verdict,
            margin=start.champion.margin,
            metrics=metrics,
        )
        is_asked = self._settings.promote == "ask"
        settle(self._handles.database, self._handles.blobs, proposal, self._journal, is_asked=is_asked)

    def _keep_production(self, verdicts: list[Verdict]) -> None:
        """End the round with the verdict that weighs most: the first rejection, else the last word."""
        rejections = [verdict for verdict in verdicts if verdict.decision == "rejected"]
        decisive = rejections[0] if rejections else verdicts[-1]
        reason = decisive.sentence
        if len(verdicts) > 1:
            reason = f"{reason} Then, interpolated with production: {verdicts[-1].sentence}"
        self._journal.end("rejected" if rejections else "inconclusive", reason, decisive)

    def _num_replayed(self, cuts: Cuts) -> int:
        return round(self._settings.fine_tune.replay_ratio * len(cuts.new_training))


def _metrics(comparison: Comparison, candidate: ServedModel, tuned: TrainingResult) -> dict[str, object]:
    """Return what is shown of a version beside its measurements; fractions."""
    accuracies = {f"accuracy_{name}": own for name, (_, own, _) in comparison.accuracy.items()}
    return {
        **accuracies,
        **candidate.metrics(),
        "temperature": candidate.artifact.temperature,
        "diagnosis": tuned.diagnosis,
    }


def _curves(tuned: TrainingResult) -> bytes:
    return draw_curves(tuned.epochs, tuned.diagnosis, tuned.best_epoch)
