"""Trains the members of an ensemble, which differ in what is random about their strategy."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vision.ensemble import Ensemble, mean_logits
from vision.evaluation import Unseen
from vision.network import Classifier
from vision.training.cross_validation import Embedded, out_of_fold
from vision.training.probe import PENALTIES, Solution, fit_probe, joined, resampled, solve
from vision.training.strategies import Run, Strategy, embedded, numbered, run_strategy
from vision.training.training import TrainingResult, snapshot
from vision.zoo import find_backbone


@dataclass(frozen=True, slots=True)
class Plain:
    """The linear probe that an ensemble of resampled probes replaces.

    Attributes:
        head: Solved on all training and validation images.
        validation_accuracy: In [0, 1], cross-validated.
    """

    head: Solution
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class Members:
    """The outcome of a training: one network, or an ensemble of several.

    Attributes:
        classifier: What to serve.
        result: Its weights; for an ensemble, with the curves and the diagnosis of its first member.
        num_own_groups: Block groups, from the head up, that each member has for itself.
        accuracies: Of each member on validation, in [0, 1], cross-validated if the members have learnt from
            these images; empty if there is one network.
        plain: The single probe that an ensemble of probes has to beat.
    """

    classifier: Classifier
    result: TrainingResult
    num_own_groups: int = 1
    accuracies: tuple[float, ...] = ()
    plain: Plain | None = None


def train_members(
    strategy: Strategy, num_members: int, make_run: Callable[[int], Run], *, is_pretrained: bool
) -> Members:
    """Train that many members.

    A linear probe has nothing random, so its members learn from bootstrap resamples of the embeddings, which
    are computed once. With the other strategies each member has a seed. It fixes the resample for the head
    that the member begins with, the order of the images, their augmentation and, from scratch, the first
    weights.

    Args:
        strategy: How each member is trained.
        num_members: 1 trains one network as it is.
        make_run: Returns what the strategy works on, for a member's number from 0.
        is_pretrained: Whether the networks start from pretrained weights.

    Source:
        Breiman, "Bagging Predictors", Machine Learning 24, 1996; Lakshminarayanan et al., "Simple and
        Scalable Predictive Uncertainty Estimation using Deep Ensembles", NeurIPS 2017.
    """
    if num_members == 1:
        run = make_run(0)
        return Members(run.classifier, run_strategy(strategy, run, is_pretrained=is_pretrained))
    if strategy == "linear_probe":
        return _bagged(make_run(0), num_members)
    return _seeded(strategy, num_members, make_run, is_pretrained)


def _seeded(
    strategy: Strategy, num_members: int, make_run: Callable[[int], Run], is_pretrained: bool
) -> Members:
    members, results = list[Classifier](), list[TrainingResult]()
    is_from_scratch = strategy == "full" and not is_pretrained
    start: dict[str, Tensor] = {}
    for number in range(num_members):
        run = make_run(number)
        # The blocks that members share have to be the same, also if they are random.
        if number == 0:
            start = snapshot(run.classifier)
        elif not is_from_scratch:
            run.classifier.load_state_dict(start)
        offset = sum(len(result.epochs) for result in results)
        run = replace(run, on_epoch=numbered(run.on_epoch, offset), resamples=True)
        results.append(run_strategy(strategy, run, is_pretrained=is_pretrained))
        members.append(run.classifier)
    # If all kept the probe that they began with, they differ in their heads alone, and the first one's
    # answers to unseen images stand for the ensemble's.
    is_probe = all(result.unseen is not None for result in results)
    num_own_groups = _num_own_groups(strategy, members[0]) if not is_probe else 1
    ensemble = Ensemble(members, num_own_groups)
    unseen = results[0].unseen if is_probe else None
    accuracies = [result.epochs[result.best_epoch - 1].validation_accuracy for result in results]
    result = replace(results[0], state=snapshot(ensemble), unseen=unseen)
    return Members(ensemble, result, num_own_groups, tuple(accuracies))


def _num_own_groups(strategy: Strategy, member: Classifier) -> int:
    return 2 if strategy == "partial" else len(member.block_groups())


def _bagged(run: Run, num_members: int) -> Members:
    training, validation = embedded(run, run.plain_training), embedded(run, run.validation)
    weights = run.overrides.get("class_weights")
    probe = fit_probe(run.classifier.head, training, validation, class_weights=weights, on_epoch=run.on_epoch)
    bag = _Bag(
        num_members,
        run.classifier.num_classes,
        PENALTIES[probe.result.best_epoch - 1],
        weights,
        run.overrides["seed"],
    )
    known = joined(training, validation)
    ensemble = Ensemble([_with_head(run.classifier, solution) for solution in bag.solve(known)], 1)
    members = out_of_fold(known, lambda learnt, held_out: bag.answer(bag.solve(learnt), held_out))
    alone = [Unseen(logits, known[1], len(training[1])) for logits in members]
    unseen = replace(alone[0], logits=mean_logits(members.transpose(0, 1)))
    head = run.classifier.head
    return Members(
        ensemble,
        replace(probe.result, state=snapshot(ensemble), unseen=unseen),
        accuracies=tuple(_accuracy(each, len(validation[1])) for each in alone),
        plain=Plain(
            Solution(head.weight.detach().cpu(), head.bias.detach().cpu()),
            _accuracy(probe.unseen, len(validation[1])),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Bag:
    """Heads that are solved on resamples, all with the penalty that suits all images."""

    num_members: int
    num_classes: int
    penalty: float
    class_weights: tuple[float, ...] | None
    seed: int

    def solve(self, embedded: Embedded) -> list[Solution]:
        """Return one solution for each resample."""
        weights = None if self.class_weights is None else torch.tensor(self.class_weights)
        solutions: list[Solution] = []
        for number in range(self.num_members):
            solutions += solve(
                resampled(embedded, self.seed + number), self.num_classes, weights, [self.penalty]
            )
        return solutions

    def answer(self, solutions: list[Solution], embeddings: Tensor) -> Tensor:
        """Return each solution's logits (members, N, C)."""
        return torch.stack([solution.answer(embeddings) for solution in solutions])


def _accuracy(unseen: Unseen, num_validation: int) -> float:
    logits, labels = unseen.validation(num_validation)
    return float((logits.argmax(dim=1) == labels).double().mean())


def _with_head(classifier: Classifier, solution: Solution) -> Classifier:
    """Return a classifier that shares another's network under a head of its own."""
    head = nn.Linear(classifier.embedding_dim, classifier.num_classes)
    solution.put_into(head)
    return Classifier(
        find_backbone(classifier.backbone_name), classifier.network, head.to(classifier.head.weight.device)
    )
