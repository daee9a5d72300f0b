from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy

from vision.training.head import PENALTIES, HeadProblem, solve_near
from vision.training.probe import Solution

_NUM, _DIM, _CLASSES = 90, 6, 3


def _problem() -> HeadProblem:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(_NUM) % _CLASSES
    centres = torch.randn(_CLASSES, _DIM, generator=generator)
    return HeadProblem(
        start=Solution(torch.randn(_CLASSES, _DIM, generator=generator), torch.zeros(_CLASSES)),
        learnt=(centres[labels] + torch.randn(_NUM, _DIM, generator=generator), labels),
        importance=1.0 + (torch.arange(_NUM) % 4),
        is_old=torch.arange(_NUM) >= 30,
        distillation=0.5,
    )


def _rows(problem: HeadProblem, rows: torch.Tensor) -> HeadProblem:
    embeddings, labels = problem.learnt
    return replace(
        problem,
        learnt=(embeddings[rows], labels[rows]),
        importance=problem.importance[rows],
        is_old=problem.is_old[rows],
    )


def test_a_solution_is_the_minimum_of_the_loss_that_is_stated() -> None:
    problem, penalty = _problem(), 0.1
    [solution] = solve_near(problem, [penalty])
    (embeddings, labels), start = problem.learnt, problem.start
    weight, bias = solution.weight.clone().requires_grad_(), solution.bias.clone().requires_grad_()
    logits = embeddings @ weight.T + bias
    shares = problem.importance / problem.importance.sum()
    variance = (shares @ (embeddings - shares @ embeddings).square()).mean()
    old = problem.is_old
    loss = (
        (shares * cross_entropy(logits, labels, reduction="none")).sum()
        + 0.5 * penalty * variance * (weight - start.weight).square().sum()
        + problem.distillation * (logits[old] - start.answer(embeddings[old])).square().mean()
    )
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    assert weight.grad is not None
    assert bias.grad is not None
    assert max(weight.grad.abs().max(), bias.grad.abs().max()) < 1e-3


def test_the_stronger_the_penalty_the_nearer_is_the_head_to_what_it_was() -> None:
    problem = _problem()
    distances = [float((found.weight - problem.start.weight).norm()) for found in solve_near(problem)]
    assert distances == sorted(distances)
    assert len(distances) == len(PENALTIES)
    [same] = solve_near(problem, [1e6])
    assert torch.allclose(same.weight, problem.start.weight, atol=1e-3)


def test_distillation_keeps_the_answers_to_old_samples() -> None:
    problem = _problem()
    old = problem.learnt[0][problem.is_old]

    def moved(weight: float) -> float:
        [solution] = solve_near(replace(problem, distillation=weight), [0.001])
        return float((solution.answer(old) - problem.start.answer(old)).square().mean())

    assert moved(10.0) < moved(1.0) < moved(0.0)


def test_neither_order_nor_the_way_there_changes_a_solution() -> None:
    problem = _problem()
    shuffled = torch.randperm(_NUM, generator=torch.Generator().manual_seed(2))
    [first] = solve_near(problem, [0.03])
    [second] = solve_near(_rows(problem, shuffled), [0.03])
    *_, third = solve_near(problem, [1.0, 0.3, 0.03])
    for other in (second, third):
        assert torch.allclose(first.weight, other.weight, atol=2e-3)


def test_a_sample_without_weight_is_as_one_that_was_never_seen() -> None:
    problem = _problem()
    kept = torch.arange(_NUM) % 5 > 0
    [without] = solve_near(_rows(problem, kept), [0.1])
    [with_all] = solve_near(replace(problem, importance=problem.importance * kept), [0.1])
    assert torch.allclose(without.weight, with_all.weight, atol=1e-3)
    assert torch.allclose(without.bias, with_all.bias, atol=1e-3)
