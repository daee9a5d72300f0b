"""The benchmark's cases, in small: the rates are those of 1,000 rounds, with 5 standard errors of these."""

import numpy as np
import pytest

from benchmarks.gate.__main__ import pieces_of, sampled
from benchmarks.gate.cases import CASES
from benchmarks.gate.figures import Figure
from benchmarks.gate.rounds import SimulatedRound
from benchmarks.gate.situations import ALL, CORRECTIONS, on_live
from benchmarks.gate.watches import Watched, watch

KEYS = {
    *("null_promoted", "worse_live_promoted", "burst_promoted", "worse_old_promoted", "creep_pp"),
    *("forgotten_class_promoted", "forgotten_slice_promoted", "poison_promoted", "better_promoted"),
    *("better_unattended", "mended_promoted", "labels_for_power", "rollback_median", "rollback_false"),
}


def happened(key: str, name: str, num: int) -> float:
    return float(np.mean(sampled(0, key, name, 0, num)))


def test_every_figure_is_there() -> None:
    assert set(CASES) == KEYS


def test_the_pieces_of_a_case_are_all_of_its_rounds() -> None:
    pieces = list(pieces_of(100))
    assert sum(num for key, _, _, num in pieces if key == "better_promoted") == 100
    assert sum(num for key, _, _, num in pieces if key == "poison_promoted") == 400
    # A lineage takes twelve rounds: there are fewer of them.
    assert sum(num for key, _, _, num in pieces if key == "creep_pp") == 20


def test_the_worst_is_the_largest_error_and_the_smallest_success() -> None:
    figures = {"one": Figure(0.1, 0.0, 0.2), "other": Figure(0.3, 0.2, 0.4)}
    assert CASES["null_promoted"].worst(figures) == "other"
    assert CASES["better_promoted"].worst(figures) == "one"


def test_a_round_repeats_with_its_seed() -> None:
    assert sampled(3, "labels_for_power", "", 1, 3) == sampled(3, "labels_for_power", "", 1, 3)
    assert sampled(3, "labels_for_power", "", 1, 3) != sampled(4, "labels_for_power", "", 1, 3)


@pytest.mark.parametrize("name", ["1/1 unattended", "0.1/1 unattended"])
def test_an_equal_candidate_is_promoted_one_time_in_twenty(name: str) -> None:
    # 100 rounds at .05: the standard error is .022.
    assert happened("null_promoted", name, 100) <= 0.05 + 0.11


def test_a_worse_candidate_is_not_promoted() -> None:
    # Measured 0 of 3,000.
    assert happened("worse_live_promoted", "", 50) == 0.0


def test_a_forgotten_class_is_seen() -> None:
    # 50 rounds at .05: the standard error is .031.
    assert happened("forgotten_class_promoted", "100 of 10", 50) <= 0.05 + 0.155


def test_a_better_candidate_is_promoted_with_nobody_at_the_queue() -> None:
    # Measured .96: the standard error of 50 rounds is .028.
    assert happened("better_unattended", "", 50) >= 0.96 - 0.14


def test_only_answers_that_are_needed_are_counted() -> None:
    rng = np.random.default_rng(1)
    ended = SimulatedRound(on_live(ALL, 0.1, 0.16).draw(rng), ALL, rng).run()
    assert (ended.share > 0, ended.num_answered) == (True, 0)
    unattended = on_live(CORRECTIONS, 0.0, 0.1)
    assert SimulatedRound(unattended.draw(rng), CORRECTIONS, rng).run().num_answered == 0


def test_a_watch_rolls_back_what_only_loses_after_nine_images() -> None:
    # M is 102 after 9 losses, 51 after 8.
    assert watch(Watched(lost=1.0, won=0.0), np.random.default_rng(0)) == ("rolled_back", 9)
    assert watch(Watched(lost=0.0, won=1.0), np.random.default_rng(0)) == ("confirmed", 9)


def test_a_watch_over_equals_ends_undecided() -> None:
    # Rolled back in 1 of 100 at most, confirmed likewise: of 20 all but 3, once in 140.
    rng = np.random.default_rng(0)
    ends = [watch(Watched(0.05, 0.05), rng) for _ in range(20)]
    assert ends.count(("unconfirmed", 5000)) >= 17


def test_unlabelled_wins_never_roll_back_and_never_confirm() -> None:
    decision, num_images = watch(Watched(0.0, 0.1, right=0.0), np.random.default_rng(0))
    assert (decision, num_images) == ("unconfirmed", 5000)
