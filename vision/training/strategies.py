"""Trains by a strategy: linear probe, partial, full or gradual unfreezing, each of one or more runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import nn

from vision.batches import LabelledTensors
from vision.errors import TooFewSamplesError, UnknownStrategyError
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder
from vision.network import Classifier
from vision.training.cross_validation import Embedded
from vision.training.probe import Probe, fit_probe
from vision.training.training import Epoch, Penalty, TrainingResult, TrainingSettings, fit, snapshot

Strategy = Literal["linear_probe", "partial", "full", "gradual"]

# Each block learns slower than the one above it by this factor (Howard and Ruder, ACL 2018).
_DISCRIMINATIVE_FACTOR = 2.6

# Batch normalisation keeps its pretrained statistics: they are of a million pictures, and a few hundred would
# replace them within a few dozen steps (`docs/measurements/adaptation.md` has the figures).
FINE_TUNE = TrainingSettings(
    epochs=10,
    learning_rate=1e-3,
    optimizer="sgd",
    weight_decay=1e-4,
    schedule="step",
    patience=5,
    keeps_statistics=True,
)
FROM_SCRATCH = TrainingSettings(
    epochs=20,
    batch_size=64,
    learning_rate=2e-3,
    optimizer="adamw",
    weight_decay=0.05,
    schedule="cosine",
    patience=None,
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a strategy works on.

    Attributes:
        classifier: The network, changed in place.
        training: Augmented images.
        plain_training: The same images as they are served, for the probe's embeddings.
        validation: Images to choose the epoch on; a head that is not fine-tuned learns from them too.
        overrides: Fields of TrainingSettings that the caller fixed, such as epochs and seed.
        device: Where to train.
        on_epoch: Called after each epoch.
        on_batch: Called after each step with (steps done, steps at most) of the present phase.
        resamples: Solve the first head on a resample, so that members of an ensemble differ even if no epoch
            is better than their probe.
        num_views: Views of each of N images in `plain_training` and `validation`: item v · N + i is view v of
            image i.
        penalty: Added to each step's loss in fine-tuning.
        penalty_groups: Parameters of the penalty that are trained too, as groups for a torch optimizer.
    """

    classifier: Classifier
    training: LabelledTensors
    plain_training: LabelledTensors
    validation: LabelledTensors
    overrides: dict[str, Any]
    device: torch.device | str
    on_epoch: Callable[[Epoch], None] | None
    on_batch: Callable[[int, int], None] | None
    resamples: bool = False
    num_views: int = 1
    penalty: Penalty | None = None
    penalty_groups: Sequence[dict[str, Any]] = ()


def check_strategy(name: str) -> Strategy:
    """Return the name as a strategy.

    Raises:
        UnknownStrategyError: There is none of that name.
    """
    for strategy in get_args(Strategy):
        if name == strategy:
            known: Strategy = strategy
            return known
    raise UnknownStrategyError(f"Expected auto or one of {', '.join(get_args(Strategy))}; got {name!r}.")


def run_strategy(strategy: Strategy, run: Run, *, is_pretrained: bool) -> TrainingResult:
    """Train by a strategy; the classifier is left with the best epoch's weights."""
    groups = run.classifier.block_groups()
    if strategy == "linear_probe":
        return _probed(run)[0]
    settings = fine_tune_settings(strategy, run.overrides, is_pretrained=is_pretrained)
    if strategy == "partial":
        return _probe_then_fine_tune(run, groups[-2:], settings)
    if strategy == "gradual":
        return _gradual(run, settings)
    if is_pretrained:
        return _probe_then_fine_tune(run, groups, settings)
    return _fine_tune(run, groups, settings)


def fine_tune_settings(
    strategy: Strategy, overrides: dict[str, Any], *, is_pretrained: bool
) -> TrainingSettings:
    """Return the settings of each of a strategy's phases after the probe."""
    is_from_scratch = strategy == "full" and not is_pretrained
    base = FROM_SCRATCH if is_from_scratch else replace(FINE_TUNE, keeps_statistics=is_pretrained)
    settings = replace(base, **overrides)
    # Gradual unfreezing divides its epochs between its two phases.
    return replace(settings, epochs=max(1, settings.epochs // 2)) if strategy == "gradual" else settings


def count_trained(strategy: Strategy, classifier: Classifier) -> int:
    """Return how many parameters a strategy trains, in all its phases together."""
    return sum(parameter.numel() for parameter in parameters_of(classifier, strategy))


def parameters_of(classifier: Classifier, strategy: Strategy) -> list[nn.Parameter]:
    """Return the parameters that a strategy trains, in all its phases together."""
    groups = classifier.block_groups()
    trained = {"linear_probe": groups[-1:], "partial": groups[-2:]}.get(strategy, groups)
    return [parameter for group in trained for module in group for parameter in module.parameters()]


def _probed(run: Run) -> tuple[TrainingResult, Probe]:
    """Solve the head; return the result to keep if nothing follows, and the probe."""
    probe = fit_probe(
        run.classifier.head,
        embedded(run, run.plain_training),
        embedded(run, run.validation),
        class_weights=run.overrides.get("class_weights"),
        on_epoch=run.on_epoch,
        resample_seed=run.overrides["seed"] if run.resamples else None,
        num_views=run.num_views,
    )
    return replace(probe.result, state=snapshot(run.classifier)), probe


def _head_start(run: Run) -> TrainingResult:
    """Solve the head, count that as one epoch, and leave a head that has not learnt from validation."""
    result, probe = _probed(replace(run, on_epoch=None))
    probe.start.put_into(run.classifier.head)
    best = replace(result.epochs[result.best_epoch - 1], epoch=1)
    if run.on_epoch is not None:
        run.on_epoch(best)
    return replace(result, epochs=(best,), best_epoch=1)


def _fine_tune(
    run: Run, groups: Sequence[Sequence[nn.Module]], settings: TrainingSettings, *, factor: float = 1.0
) -> TrainingResult:
    deepest = len(groups) - 1
    rated = [
        {
            "params": [parameter for module in group for parameter in module.parameters()],
            "lr": settings.learning_rate / factor ** (deepest - depth),
        }
        for depth, group in enumerate(groups)
    ]
    return fit(
        run.classifier,
        run.training,
        run.validation,
        settings,
        parameters=[*rated, *run.penalty_groups],
        device=run.device,
        on_epoch=run.on_epoch,
        on_batch=run.on_batch,
        penalty=run.penalty,
    )


def _gradual(run: Run, settings: TrainingSettings) -> TrainingResult:
    """Unfreeze the head, then the last block, then all of it, with lower rates the shallower a block lies.

    Source:
        Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, part 3.3.
    """
    groups = run.classifier.block_groups()
    return _in_turn(
        run,
        _head_start,
        lambda phase: _fine_tune(phase, groups[-2:], settings),
        lambda phase: _fine_tune(phase, groups, settings, factor=_DISCRIMINATIVE_FACTOR),
    )


def _probe_then_fine_tune(
    run: Run, groups: Sequence[Sequence[nn.Module]], settings: TrainingSettings
) -> TrainingResult:
    """Fine-tune from a solved head, since a random one would first spoil the features below it.

    Source:
        Kumar et al., "Fine-Tuning can Distort Pretrained Features", ICLR 2022.
    """
    return _in_turn(run, _head_start, lambda phase: _fine_tune(phase, groups, settings))


def _in_turn(run: Run, *phases: Callable[[Run], TrainingResult]) -> TrainingResult:
    """Run phases one after the other, number their epochs on, and keep the best epoch or the last."""
    keeps_best = run.overrides.get("keeps_best", True)
    epochs: list[Epoch] = []
    chosen: tuple[Epoch, TrainingResult] | None = None
    for phase in phases:
        offset = len(epochs)
        result = phase(replace(run, on_epoch=numbered(run.on_epoch, offset)))
        epochs += [replace(epoch, epoch=offset + epoch.epoch) for epoch in result.epochs]
        best = epochs[offset + result.best_epoch - 1]
        if chosen is None or not keeps_best or best.is_better_than(chosen[0]):
            chosen = best, result
    if chosen is None:
        raise TooFewSamplesError("Expected one phase at least, got none.")
    best, result = chosen
    run.classifier.load_state_dict(result.state)
    return replace(result, epochs=tuple(epochs), best_epoch=best.epoch)


def numbered(on_epoch: Callable[[Epoch], None] | None, offset: int) -> Callable[[Epoch], None] | None:
    """Return a callback that passes epochs on with their numbers raised by an offset."""
    return None if on_epoch is None else lambda epoch: on_epoch(replace(epoch, epoch=offset + epoch.epoch))


def embedded(run: Run, images: LabelledTensors) -> Embedded:
    """Return the embeddings (N, D) of a set and its labels (N,)."""
    labelled = LabelRecorder(images)
    _, embeddings = evaluate_logits(run.classifier, labelled, device=run.device, on_batch=run.on_batch)
    return embeddings, torch.tensor(labelled.labels)
