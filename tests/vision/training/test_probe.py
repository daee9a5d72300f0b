import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vision.training.probe import PENALTIES, fit_probe, solve
from vision.training.training import Epoch

Embedded = tuple[Tensor, Tensor]


def clouds(num: int, seed: int = 0, dim: int = 12, spread: float = 1.5, share: float = 1 / 3) -> Embedded:
    """Three overlapping clouds, off the origin; the last class has `share` of the points."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, num, p=[(1 - share) / 2, (1 - share) / 2, share])
    centres = np.random.default_rng(7).normal(size=(3, dim))
    points = 5 + centres[labels] + spread * rng.normal(size=(num, dim))
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels)


def loss_of(head: nn.Linear, embedded: Embedded) -> float:
    with torch.no_grad():
        return float(cross_entropy(head(embedded[0]), embedded[1]))


def test_the_penalty_with_the_lowest_loss_in_cross_validation_is_chosen() -> None:
    training, validation, head = clouds(60), clouds(400, seed=1), nn.Linear(12, 3)
    probe = fit_probe(head, training, validation)
    result = probe.result
    assert len(result.epochs) == len(PENALTIES)
    # A stronger penalty is worse, and so is a weaker one.
    assert 1 < result.best_epoch < len(PENALTIES)
    assert torch.equal(result.state["weight"], head.weight)
    # The curve is that of the head that has not learnt from validation.
    probe.start.put_into(head)
    kept = result.epochs[result.best_epoch - 1]
    assert loss_of(head, validation) == pytest.approx(kept.validation_loss, rel=1e-4)
    assert loss_of(head, training) == pytest.approx(kept.training_loss, rel=1e-4)
    # With 400 images validation chooses the same penalty or its neighbour.
    losses = [epoch.validation_loss for epoch in result.epochs]
    assert abs(losses.index(min(losses)) + 1 - result.best_epoch) <= 1


def test_a_validation_set_that_is_all_right_does_not_ask_for_certainty() -> None:
    training = clouds(200)
    head = nn.Linear(12, 3)
    solved = nn.Linear(12, 3)
    fit_probe(solved, training, training)
    # The six points that the solution is surest of: the weakest penalty has the lowest loss on them.
    surest = cross_entropy(solved(training[0]), training[1], reduction="none").argsort()[:6]
    result = fit_probe(head, training, (training[0][surest], training[1][surest])).result
    losses = [epoch.validation_loss for epoch in result.epochs]
    assert losses.index(min(losses)) == len(PENALTIES) - 1
    assert result.best_epoch < len(PENALTIES) - 2


def test_what_other_trainings_are_compared_with_has_learnt_from_training_images_alone() -> None:
    training, validation = clouds(60), clouds(20, seed=1)
    head = nn.Linear(12, 3)
    probe = fit_probe(head, training, validation)
    comparable = probe.result.comparable
    assert comparable is not None
    kept = probe.result.epochs[probe.result.best_epoch - 1]
    assert float(cross_entropy(comparable, validation[1])) == pytest.approx(kept.validation_loss, rel=1e-4)
    assert float(cross_entropy(comparable, validation[1])) > loss_of(head, validation)


def test_the_cross_validated_logits_are_of_images_not_learnt_from() -> None:
    training, validation = clouds(150), clouds(50, seed=1)
    probe = fit_probe(nn.Linear(12, 3), training, validation)
    logits, labels = probe.unseen.logits, probe.unseen.labels
    assert torch.equal(labels, torch.cat([training[1], validation[1]]))
    assert torch.equal(probe.unseen.validation(50)[1], validation[1])
    torch.testing.assert_close(probe.unseen.validation(50)[0], logits[150:])
    cross_validated = float(cross_entropy(logits, labels))
    best = probe.result.best_epoch - 1
    unseen = loss_of_solution(training, best, clouds(4000, seed=2))
    learnt = probe.result.epochs[best].training_loss
    # It is nearer to the loss on new points of the same kind than to the loss on the learnt points.
    assert abs(cross_validated - unseen) < abs(cross_validated - learnt)


def loss_of_solution(embedded: Embedded, index: int, points: Embedded) -> float:
    solution = list(solve(embedded, 3))[index]
    return float(cross_entropy(solution.answer(points[0]), points[1]))


@pytest.mark.parametrize("class_weights", [None, (1.0, 1.0, 3.0)])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_solution_is_where_the_penalised_loss_is_flat(
    num_classes: int, class_weights: tuple[float, ...] | None
) -> None:
    points, labels = clouds(300)
    points, labels = points[labels < num_classes], labels[labels < num_classes]
    weights = None if class_weights is None else torch.tensor(class_weights[:num_classes])
    centred = points - points.mean(dim=0)
    scale = centred.square().mean().sqrt()
    for penalty, solution in zip(PENALTIES, solve((points, labels), num_classes, weights), strict=True):
        # The embeddings are centred and scaled to unit variance over all features.
        weight = (solution.weight * scale).requires_grad_()
        bias = solution.bias + solution.weight @ points.mean(dim=0)
        loss = cross_entropy(centred / scale @ weight.T + bias, labels, weight=weights)
        (slope,) = torch.autograd.grad(loss + 0.5 * penalty * weight.square().sum(), weight)
        assert slope.abs().max() < 5e-4


def test_where_one_class_alone_is_known_every_image_is_of_it() -> None:
    points, labels = clouds(30)
    for solution in solve((points, torch.ones_like(labels)), 3):
        assert (solution.answer(points).argmax(dim=1) == 1).all()


def test_weights_of_classes_find_the_rare_one() -> None:
    training, validation = clouds(400, share=0.03), clouds(600, seed=1, share=0.5)
    rare = validation[1] == 2
    recalls = []
    for weights in (None, (1.0, 1.0, 16.0)):
        head = nn.Linear(12, 3)
        fit_probe(head, training, validation, class_weights=weights)
        recalls.append(float((head(validation[0]).argmax(dim=1)[rare] == 2).double().mean()))
    assert recalls[1] > recalls[0] + 0.1


def test_a_feature_that_never_varies_and_a_class_without_images_do_no_harm() -> None:
    points, labels = clouds(90)
    points[:, 3] = 4.0
    head, epochs = nn.Linear(12, 4), list[Epoch]()
    result = fit_probe(head, (points, labels), (points, labels), on_epoch=epochs.append).result
    assert tuple(epochs) == result.epochs
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())
    assert not (head(points).argmax(dim=1) == 3).any()
