from itertools import pairwise

from vision.training.progress import RunProgress


def reports_of(planned: list[int], phases: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Run phases of (steps made, steps at most), and return all that is reported."""
    reports: list[tuple[int, int]] = []
    run = RunProgress(planned, lambda done, total: reports.append((done, total)))
    for made, total in phases:
        for done in range(1, made + 1):
            run(done, total)
    return reports


def test_steps_of_all_phases_are_added_up() -> None:
    assert reports_of([2, 1, 3], [(2, 2), (1, 1), (3, 3)]) == [(done, 6) for done in range(1, 7)]


def test_phases_of_one_step_each_are_kept_apart() -> None:
    assert reports_of([1, 1, 1], [(1, 1)] * 3) == [(1, 3), (2, 3), (3, 3)]


def test_a_phase_that_ends_early_lowers_the_total_and_never_the_share() -> None:
    reports = reports_of([2, 10, 4], [(2, 2), (3, 10), (4, 4)])
    assert reports[:5] == [(done, 16) for done in range(1, 6)]
    assert reports[5:] == [(6, 9), (7, 9), (8, 9), (9, 9)]
    shares = [done / total for done, total in reports]
    assert all(before < after for before, after in pairwise(shares))


def test_runs_nest() -> None:
    reports: list[tuple[int, int]] = []
    outer = RunProgress([5, 5], lambda done, total: reports.append((done, total)))
    for _ in range(2):
        inner = RunProgress([2, 3], outer)
        for made in (2, 3):
            for done in range(1, made + 1):
                inner(done, made)
    assert reports == [(done, 10) for done in range(1, 11)]
