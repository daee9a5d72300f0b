"""One round, from pending samples to a new production version or back to the old one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor

from retrain.blend_choice import BlendLimits, choose_blend
from retrain.cures import Cure, next_cure
from retrain.errors import NoChampionError, RoundCancelledError
from retrain.evaluation import Comparison, PairedEvaluation, version_metrics
from retrain.fine_tune import fine_tune
from retrain.gate.gate import judge
from retrain.gate.old_evidence import margin_for
from retrain.gate.verdict import Verdict
from retrain.journal import Journal
from retrain.models import RoundModels, StateDict
from retrain.promotion import PassedCandidate, refuse_deleted, store_candidate
from retrain.round_inputs import RoundInputs, read_inputs
from retrain.round_items import RoundItems, gather_items
from retrain.settings import RoundSettings
from store.errors import BlobMissingError, ChampionChangedError
from store.rounds.log import recorded_samples
from store.state import State
from store.versions import Version
from vision.charts import draw_curves
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads
from vision.engines.served_model import ServedModel
from vision.errors import TrainingDivergedError
from vision.training.training import Epoch, TrainingResult, curves_of


def run_round(
    state: State, settings: RoundSettings, journal: Journal, rest: Callable[[], None] | None = None
) -> None:
    """Run a round that the learner has begun.

    Args:
        state: Where samples and versions are.
        settings: What it may do.
        journal: Where it writes what it does.
        rest: Called between pieces of its training.

    Raises:
        FencedError: The lease went to another learner; nothing was written since.
        SampleDeletedError: A sample of the round was deleted meanwhile; it is to be run again.
    """
    try:
        LearningRound(state, settings, journal, rest).run()
    except BlobMissingError:
        with state.database.read() as connection:
            ids = [sample_id for sample_id, _, _ in recorded_samples(connection, journal.round_id)]
            refuse_deleted(connection, ids, journal.round_id)
        raise
    except RoundCancelledError as error:
        journal.end("cancelled", str(error))
    except ChampionChangedError as error:
        journal.end("cancelled", f"A person's move of production wins over the round. {error}")
    except NoChampionError as error:
        journal.end("failed", str(error))
    except TrainingDivergedError as error:
        journal.end("rejected", f"Training failed. {error}")


class LearningRound:
    """One round: `run` is the loop, and its steps follow in their order."""

    def __init__(
        self, state: State, settings: RoundSettings, journal: Journal, rest: Callable[[], None] | None = None
    ) -> None:
        self._state = state
        self._settings = settings
        self._journal = journal
        self._rest = rest
        # A repeated round draws what it drew before.
        self._rng = np.random.default_rng([settings.fine_tune.seed, journal.round_id])

    def run(self) -> None:
        """Learn from the pending samples, and let the gate decide."""
        inputs = self._read_inputs()
        if not inputs.samples.new_training:
            self._journal.end("inconclusive", "There are no new samples to learn from.")
            return
        models = RoundModels(inputs.champion, self._state.blobs, self._engines(), self._settings.limits)
        items = gather_items(inputs.samples, inputs.logged, models)
        tuned = self._fine_tune(inputs, models, items)
        evaluation = self._evaluate_champion(inputs, models, items, tuned)
        candidate = self._candidate(models, tuned.state, items)
        verdicts: list[Verdict] = []
        cures: list[Cure] = []
        while True:
            self._journal.stop_if_cancelled()
            comparison = evaluation.compare(candidate)
            verdict = self._judge(inputs, comparison)
            verdicts.append(verdict)
            self._journal.attempt(len(verdicts), cures[-1] if cures else "fine_tune", verdict)
            if verdict.decision == "passed":
                files = {**candidate.to_files(), "curves.png": _curves(tuned)}
                self._promote(
                    inputs, files, comparison, verdict, version_metrics(comparison, candidate, tuned)
                )
                return
            cure = next_cure(verdict, cures, self._settings.gate.max_candidates)
            if cure is None:
                self._keep_production(verdicts)
                return
            cures.append(cure)
            candidate = self._interpolate(inputs, models, items, tuned.state)

    def _engines(self) -> EngineSettings:
        settings = self._settings
        threads = Threads(num_threads=settings.fine_tune.num_threads)
        return EngineSettings(settings.engine, settings.precision, resolve_device(settings.device), threads)

    def _read_inputs(self) -> RoundInputs:
        inputs = read_inputs(self._state, self._settings, self._journal.round_id, self._rng)
        self._journal.record_samples(inputs.samples.roles())
        return inputs

    def _fine_tune(self, inputs: RoundInputs, models: RoundModels, items: RoundItems) -> TrainingResult:
        self._journal.enter("training", **items.counts(), num_adapted=len(inputs.target_images))
        settings = replace(
            self._settings.fine_tune,
            seed=self._settings.fine_tune.seed + self._journal.round_id,
            precision=models.training_precision(),
        )
        training = models.images(
            items.training,
            settings.augmentation,
            settings.seed,
            simulates_shift="augmentation" in self._settings.adaptations,
        )
        return fine_tune(
            models.artifact,
            models.student(inputs.target_images),
            training,
            items.num_new,
            models.images(items.validation),
            settings,
            on_epoch=self._on_epoch,
            on_batch=self._on_batch,
            on_piece=self._rest,
        )

    def _on_batch(self, num_done: int, num_steps: int) -> None:
        self._journal.poll_cancellation()
        self._journal.report(num_done, num_steps, self._settings.fine_tune.epochs)

    def _on_epoch(self, epoch: Epoch) -> None:
        self._journal.note("epoch", **asdict(epoch))
        self._journal.stop_if_cancelled()

    def _evaluate_champion(
        self, inputs: RoundInputs, models: RoundModels, items: RoundItems, tuned: TrainingResult
    ) -> PairedEvaluation:
        self._journal.enter_evaluating(curves_of(tuned.epochs, tuned.best_epoch, tuned.diagnosis))
        return PairedEvaluation(items.old, items.new, models.champion, inputs.live, models.answer)

    def _judge(self, inputs: RoundInputs, comparison: Comparison) -> Verdict:
        if comparison.top5:
            named = {
                f"{part}_{model}": share
                for part, pair in comparison.top5.items()
                for model, share in zip(("production", "candidate"), pair, strict=True)
            }
            self._journal.note("top5_accuracy", **named)
        num_old = sum(len(outcomes) for outcomes in comparison.old)
        return judge(
            comparison.old,
            comparison.new,
            margin=_margin(inputs.champion, num_old),
            num_earlier_verdicts=inputs.num_earlier_verdicts,
            calibration=comparison.calibration,
            class_names=inputs.champion.class_names,
            settings=self._settings.gate,
            rng=self._rng,
        )

    def _interpolate(
        self, inputs: RoundInputs, models: RoundModels, items: RoundItems, tuned: StateDict
    ) -> ServedModel:
        validation, num_new = items.validation, items.num_new_validation
        labels = torch.tensor([item.label for item in validation])

        def right(weights: StateDict) -> Tensor:
            self._journal.stop_if_cancelled()
            return models.answer_in_float32(weights, validation).argmax(dim=1).eq(labels)

        chosen, tried = choose_blend(
            self._settings.blends,
            lambda share: right(models.blended(tuned, share)),
            champion_right=right(dict(models.artifact.state)),
            is_new=torch.arange(len(validation)) < num_new,
            limits=self._blend_limits(inputs.champion, num_old=len(validation) - num_new),
        )
        self._journal.note("interpolate", weight=chosen.weight, tried=[asdict(blend) for blend in tried])
        return self._candidate(models, models.blended(tuned, chosen.weight), items)

    def _blend_limits(self, champion: Version, num_old: int) -> BlendLimits:
        caution = self._settings.blend_caution
        return BlendLimits(
            max_flips=caution * self._settings.gate.max_negative_flips,
            # The gate compares a lower bound with the margin: a blend that loses half of it here fails there.
            max_loss=(1 - caution) * 2 * _margin(champion, num_old),
        )

    def _candidate(self, models: RoundModels, state: StateDict, items: RoundItems) -> ServedModel:
        candidate = models.finished(
            state,
            items.validation,
            items.num_new_validation,
            keeps_temperature=items.is_self_labelled,
        )
        self._journal.note("served_form", **candidate.metrics())
        return candidate

    def _promote(
        self,
        inputs: RoundInputs,
        files: Mapping[str, bytes],
        comparison: Comparison,
        verdict: Verdict,
        metrics: Mapping[str, object],
    ) -> None:
        passed = PassedCandidate(
            champion=inputs.champion,
            files=files,
            roles=inputs.samples.roles(),
            accuracy=comparison.accuracy,
            verdict=verdict,
            metrics=metrics,
        )
        needs_approval = self._settings.promote == "ask"
        store_candidate(self._state, passed, self._journal, needs_approval=needs_approval)

    def _keep_production(self, verdicts: list[Verdict]) -> None:
        """End the round with its first rejection, or with the last verdict where there is none."""
        rejections = [verdict for verdict in verdicts if verdict.decision == "rejected"]
        decisive = rejections[0] if rejections else verdicts[-1]
        reason = decisive.sentence
        if len(verdicts) > 1:
            reason = f"{reason} Then, interpolated with production: {verdicts[-1].sentence}"
        self._journal.end("rejected" if rejections else "inconclusive", reason, decisive)


def _margin(champion: Version, num_old: int) -> float:
    return margin_for(max(num_old, 1)) if champion.margin is None else champion.margin


def _curves(tuned: TrainingResult) -> bytes:
    return draw_curves(tuned.epochs, tuned.diagnosis, tuned.best_epoch)
