"""The cheapest candidate: the champion with its head solved anew on new and old samples."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from retrain.models import RoundModels
from retrain.round_items import RoundItems
from vision.training.cross_validation import Embedded
from vision.training.diagnosis import diagnose
from vision.training.head import PENALTIES, HeadProblem, solve_near
from vision.training.probe import Solution, measured
from vision.training.training import TrainingResult


@dataclass(frozen=True, slots=True)
class SolvedHead:
    """A head that was solved anew, and what heads between it and the champion's answer.

    Attributes:
        result: The weights of the whole network with it; its epochs are the penalties that were tried.
        start: The champion's head.
        solution: The solved one.
        without_new: Solved alike on old samples alone.
        validation: Embeddings (n, D) and class indices (n,) of the validation items.
    """

    result: TrainingResult
    start: Solution
    solution: Solution
    without_new: Solution
    validation: Embedded

    def right(self, share: float) -> Tensor:
        """Return whether the head with a share of the solution answers each validation item rightly, (n,)."""
        blend = Solution(
            torch.lerp(self.start.weight, self.solution.weight, share),
            torch.lerp(self.start.bias, self.solution.bias, share),
        )
        embeddings, labels = self.validation
        return blend.answer(embeddings).argmax(dim=1).eq(labels)

    def right_before(self, num_new: int, num_classes: int) -> Tensor:
        """Return whether what it is compared with answers each validation item rightly, shape (n,).

        Of new items that is the champion. Of old ones it is the head that was solved without new samples: a
        champion whose own head was solved may have learnt them by heart, and whatever differs seems to lose.

        Args:
            num_new: How many items are new; they come first.
            num_classes: Of the champion; rows of new classes are none of its.
        """
        embeddings, labels = self.validation
        before = self.start.answer(embeddings)[:, :num_classes]
        before[num_new:] = self.without_new.answer(embeddings[num_new:])[:, :num_classes]
        return before.argmax(dim=1).eq(labels)


def why_no_head(models: RoundModels, items: RoundItems, *, is_adapted: bool) -> str | None:
    """Return why this round solves no head; None where it does.

    Args:
        models: Of the round.
        items: Of the round.
        is_adapted: Whether the body's batch statistics change too, so that its embeddings would.
    """
    if models.artifact.num_members > 1:
        return "The head of an ensemble is not solved anew: all its layers are trained."
    if is_adapted:
        return "The batch statistics are adapted, so that all layers are trained."
    if not items.has_validation:
        return "There are no validation images to choose a head on."
    if len(items.training) == items.num_new:
        return "There are no old samples to hold a head to the old."
    return None


def solve_head(
    models: RoundModels,
    items: RoundItems,
    distillation: float,
    on_batch: Callable[[int, int], None] | None = None,
) -> SolvedHead:
    """Solve the head on all new samples and the memory, with the penalty that is best on validation.

    Best is the least cross-entropy on new images: what is old is held by distillation, and a champion may
    have learnt old validation images by heart. Each new class weighs as much as an old one does on average:
    it would lose by its number otherwise.

    Args:
        models: The champion embeds the images, as it is served.
        items: What to learn from, and to choose on.
        distillation: Weight of the distance to the champion's logits on old samples.
        on_batch: Called after each batch of images with (batches done, batches in all); it may raise to stop.
    """
    learnt = list(dict.fromkeys([*items.training, *items.memory]))
    every = [*learnt, *items.validation]
    embeddings, labels = models.embeddings(every, on_batch), torch.tensor([item.label for item in every])
    known: Embedded = embeddings[: len(learnt)], labels[: len(learnt)]
    validation: Embedded = embeddings[len(learnt) :], labels[len(learnt) :]
    names = models.head_names()
    start = Solution(*(models.artifact.state[name].float() for name in names))
    is_old = torch.arange(len(learnt)) >= len(set(items.training[: items.num_new]))
    importance = _importance(known[1], len(models.champion.artifact.class_names))
    problem = HeadProblem(start, known, importance, is_old, distillation)
    solutions = list(solve_near(problem))
    new = slice(items.num_new_validation or None)
    losses = [
        float(cross_entropy(solution.answer(validation[0][new]), validation[1][new]))
        for solution in solutions
    ]
    best = losses.index(min(losses))
    epochs = [
        measured(number, solution, known, validation, 0.0)
        for number, solution in enumerate(solutions, start=1)
    ]
    kept, solution = epochs[best], solutions[best]
    alone = replace(problem, importance=importance * is_old)
    [without_new] = solve_near(alone, [PENALTIES[best]])
    state = {**models.artifact.state, **dict(zip(names, (solution.weight, solution.bias), strict=True))}
    found = diagnose(1 - kept.training_accuracy, 1 - kept.validation_accuracy)
    result = TrainingResult(state, tuple(epochs), best + 1, found)
    return SolvedHead(result, start, solution, without_new, validation)


def _importance(labels: Tensor, num_old_classes: int) -> Tensor:
    counts = torch.bincount(labels, minlength=num_old_classes).float()
    usual = counts[:num_old_classes].sum() / (counts[:num_old_classes] > 0).sum().clamp(min=1)
    of_class = torch.ones_like(counts)
    of_class[num_old_classes:] = usual / counts[num_old_classes:].clamp(min=1)
    return of_class[labels]
