"""One round, from pending samples to a new production version or back to the old one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from retrain.attempts import Attempt, Judging
from retrain.candidate import Candidate, CandidateTraining, strategy_of
from retrain.cures import Cure, diagnose
from retrain.errors import NoChampionError, RoundCancelledError
from retrain.journal import Journal
from retrain.models import RoundModels
from retrain.new_classes import grow
from retrain.promotion import JudgedCandidate, refuse_deleted, store_candidate
from retrain.recipe import recipe_of
from retrain.round_inputs import RoundInputs, read_inputs
from retrain.round_items import gather_items
from retrain.settings import RoundSettings
from retrain.sources.review import review_labels
from retrain.version_metrics import version_metrics
from store.errors import BlobMissingError, ChampionChangedError
from store.rounds.log import recorded_samples
from store.state import State
from vision.charts import draw_curves
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads
from vision.errors import TrainingDivergedError
from vision.training.training import TrainingResult, curves_of

_THEN: dict[str, str] = {
    "half_blend": "closer to production",
    "deeper": "with all layers trained",
    "longer": "trained longer",
    "new_temperature": "with confidences fitted again",
}


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
        journal.end(
            "cancelled",
            f"Production moved while the round ran, by a person or the watch, and that wins. {error}",
        )
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
        grow(models, inputs.samples)
        self._journal.note("recipe", **recipe_of(self._settings, models.training_precision()))
        inputs = self._reviewed(inputs, models)
        items = gather_items(inputs.samples, inputs.old, inputs.logged, models)
        self._journal.enter("training", **items.counts(), num_adapted=len(inputs.target_images))
        training = CandidateTraining(self._settings, self._journal, inputs, models, items, self._rest)
        candidate = training.candidate()
        self._journal.enter_evaluating(_curves(candidate.tuned))
        judging = Judging(self._state, self._settings, self._journal, inputs, models, items)
        attempts = [judging.attempt(candidate.weights, "fine_tune")]
        allows_full = self._settings.candidates != "head"
        diagnosis = diagnose(attempts[0].verdict, candidate.kind, allows_full=allows_full)
        if diagnosis is not None:
            self._journal.note("cure", **asdict(diagnosis))
        if diagnosis is not None and diagnosis.cure is not None:
            candidate = self._cured(candidate, diagnosis.cure, training)
            attempts.append(judging.attempt(candidate.weights, diagnosis.cure, attempts[0]))
        if attempts[-1].verdict.decision in ("passed", "awaiting_labels"):
            self._store(inputs, attempts[-1], candidate)
        else:
            self._keep_production(attempts)

    def _cured(self, candidate: Candidate, cure: Cure, training: CandidateTraining) -> Candidate:
        match cure:
            case "half_blend":
                return training.smaller(candidate)
            case "deeper" | "longer":
                return training.more(candidate)
            case "new_temperature":
                return candidate

    def _engines(self) -> EngineSettings:
        settings = self._settings
        threads = Threads(num_threads=settings.fine_tune.num_threads)
        return EngineSettings(settings.engine, settings.precision, resolve_device(settings.device), threads)

    def _read_inputs(self) -> RoundInputs:
        journal = self._journal
        inputs = read_inputs(self._state, self._settings, journal.round_id, self._rng, journal.fencing)
        if inputs.lost:
            journal.note("lost_images", sample_ids=list(inputs.lost))
        journal.record_samples([*inputs.samples.roles(), *inputs.samples.holdout_roles()])
        return inputs

    def _reviewed(self, inputs: RoundInputs, models: RoundModels) -> RoundInputs:
        """Name sources of bad labels, and leave the doubtful ones among theirs out of what is learnt."""
        review = review_labels(inputs.samples, models, self._state.database)
        if review is None:
            return inputs
        self._journal.note_sources(review.to_json())
        if not review.left_out:
            return inputs
        samples = review.learnable(inputs.samples)
        self._journal.record_samples([*samples.roles(), *samples.holdout_roles()])
        return replace(inputs, samples=samples)

    def _store(self, inputs: RoundInputs, attempt: Attempt, made: Candidate) -> None:
        """Store the candidate, and promote it, or let it wait for a person's approval or for labels."""
        tuned = made.tuned
        curves = draw_curves(tuned.epochs, tuned.diagnosis, tuned.best_epoch)
        # A solved head leaves the layers below it as they were.
        strategy = strategy_of(inputs.champion) if made.kind == "head" else "full"
        answered = attempt.new.evidence.answered()
        candidate = JudgedCandidate(
            champion=inputs.champion,
            class_names=attempt.candidate.artifact.class_names,
            files={**attempt.candidate.to_files(), "curves.png": curves},
            roles=inputs.samples.roles(),
            new=attempt.new,
            old=attempt.old,
            verdict=attempt.verdict,
            metrics=version_metrics(attempt.old, answered, attempt.candidate, tuned, strategy),
        )
        needs_approval = self._settings.promote == "ask" or attempt.verdict.is_left_to_a_person
        store_candidate(self._state, candidate, self._journal, needs_approval=needs_approval)

    def _keep_production(self, attempts: Sequence[Attempt]) -> None:
        """End the round with its first rejection, or with the last verdict where there is none."""
        verdicts = [attempt.verdict for attempt in attempts]
        rejections = [verdict for verdict in verdicts if verdict.decision == "rejected"]
        decisive = rejections[0] if rejections else verdicts[-1]
        reason = verdicts[0].sentence
        if len(verdicts) > 1:
            reason = f"{reason} Then, {_THEN[attempts[-1].cure]}: {verdicts[-1].sentence}"
        self._journal.end_judged(
            "rejected" if rejections else "inconclusive", reason, decisive, attempts[-1].new.pool
        )


def _curves(tuned: TrainingResult) -> dict[str, Any]:
    return curves_of(tuned.epochs, tuned.best_epoch, tuned.diagnosis)
