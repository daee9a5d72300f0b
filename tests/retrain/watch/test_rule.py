from dataclasses import replace
from math import comb
from statistics import median

import numpy as np
import pytest

from retrain.watch.rule import (
    MAX_IMAGES,
    Decision,
    LabelCounts,
    Tally,
    decide,
    decisive_source,
    evidence,
)


@pytest.mark.parametrize(("num_lost", "num_won"), [(0, 0), (1, 0), (0, 1), (3, 2), (12, 5), (40, 60)])
def test_evidence_is_the_formula(num_lost: int, num_won: int) -> None:
    # In whole numbers: B(b+1, c+1) = 1/((n+1) C(n, b)), and P(Beta > 1/2) is that of at most b heads in n+1.
    num = num_lost + num_won
    exact = sum(comb(num + 1, heads) for heads in range(num_lost + 1)) / ((num + 1) * comb(num, num_lost))

    assert evidence(num_lost, num_won) == pytest.approx(exact, rel=1e-9)


def test_evidence_of_one_loss_by_hand() -> None:
    # 2² · B(2, 1) · P(Beta(2, 1) > 1/2) = 4 · 1/2 · 3/4
    assert evidence(1, 0) == pytest.approx(1.5)


def test_evidence_is_a_number_for_any_counts() -> None:
    assert evidence(0, 5000) == pytest.approx(0, abs=1e-3)
    assert evidence(5000, 0) > 1e300


def test_evidence_is_fair_where_production_is_equal() -> None:
    # After a fair toss it is on average what it was: that is why it may be looked at after each.
    for num_lost, num_won in ((0, 0), (4, 1), (7, 9)):
        after = (evidence(num_lost + 1, num_won) + evidence(num_lost, num_won + 1)) / 2
        assert after == pytest.approx(evidence(num_lost, num_won))


def test_nine_losses_roll_back_and_eight_do_not() -> None:
    assert decide(Tally(num_images=90, num_lost=8, num_won=0)) == "watching"
    assert decide(Tally(num_images=90, num_lost=9, num_won=0)) == "rolled_back"


def test_an_open_difference_delays_the_roll_back() -> None:
    assert decide(Tally(num_images=90, num_lost=9, num_won=0, num_open=1)) == "watching"


def test_a_loss_under_one_percent_of_the_images_stays() -> None:
    assert decide(Tally(num_images=900, num_lost=9, num_won=0)) == "rolled_back"
    assert decide(Tally(num_images=901, num_lost=9, num_won=0)) == "watching"


def test_the_mirror_confirms() -> None:
    assert decide(Tally(num_images=90, num_lost=0, num_won=8)) == "watching"
    assert decide(Tally(num_images=90, num_lost=0, num_won=9)) == "confirmed"
    assert decide(Tally(num_images=901, num_lost=0, num_won=9)) == "watching"


def test_open_differences_alone_never_confirm() -> None:
    assert decide(Tally(num_images=400, num_lost=0, num_won=9, num_open=1)) == "watching"
    assert decide(Tally(num_images=400, num_lost=0, num_won=0, num_open=90)) == "watching"


def test_five_thousand_images_end_a_watch_without_a_decision() -> None:
    assert decide(Tally(num_images=MAX_IMAGES - 1, num_lost=30, num_won=30)) == "watching"
    assert decide(Tally(num_images=MAX_IMAGES, num_lost=30, num_won=30)) == "unconfirmed"
    assert decide(Tally(num_images=MAX_IMAGES, num_lost=90, num_won=10)) == "rolled_back"


def _tally_of(*by_source: LabelCounts, num_open: int = 0) -> Tally:
    return Tally(
        num_images=200,
        num_lost=sum(each.num_lost for each in by_source),
        num_won=sum(each.num_won for each in by_source),
        num_open=num_open,
        num_neither=sum(each.num_neither for each in by_source),
        by_source={f"key-{number}": each for number, each in enumerate(by_source)},
    )


def test_no_one_of_three_sources_rolls_back_alone() -> None:
    tally = _tally_of(LabelCounts(20, 0), LabelCounts(1, 1), LabelCounts(2, 1))
    assert decide(tally) == "watching"
    assert decisive_source(tally) == "key-0"


def test_no_one_of_three_sources_confirms_alone() -> None:
    assert decide(_tally_of(LabelCounts(0, 20), LabelCounts(1, 1), LabelCounts(1, 2))) == "watching"


def test_a_fifth_of_the_evidence_without_any_one_source_is_enough() -> None:
    # Without key-0 seven losses are left, of evidence 32; of six it is 18.
    assert (evidence(7, 0) >= 20, evidence(6, 0) >= 20) == (True, False)
    assert decide(_tally_of(LabelCounts(9, 0), LabelCounts(4, 0), LabelCounts(3, 0))) == "rolled_back"
    assert decide(_tally_of(LabelCounts(9, 0), LabelCounts(3, 0), LabelCounts(3, 0))) == "watching"


def test_what_the_left_out_source_labelled_does_not_count_as_open() -> None:
    left = _tally_of(LabelCounts(9, 2, 1), LabelCounts(3, 0), LabelCounts(2, 0), num_open=1).without("key-0")
    assert left == Tally(num_images=188, num_lost=5, num_won=0, num_open=1, num_neither=0)


def test_two_sources_are_too_few_to_ask_for_others() -> None:
    assert decide(_tally_of(LabelCounts(20, 0), LabelCounts(1, 1))) == "rolled_back"


def test_who_labels_first_does_not_take_back_alone_what_others_taught() -> None:
    alone = _tally_of(LabelCounts(20, 0))
    assert decide(alone) == "rolled_back"
    assert decide(replace(alone, learnt_from=frozenset({"lab", "key-0"}))) == "rolled_back"
    assert decide(replace(alone, learnt_from=frozenset({"lab", "app"}))) == "watching"
    assert decide(replace(alone, learnt_from=frozenset({"lab"}), trusted=frozenset({"lab"}))) == "watching"


def test_a_trusted_source_decides_alone() -> None:
    tally = _tally_of(LabelCounts(20, 0), LabelCounts(1, 1), LabelCounts(1, 1))
    assert decide(tally) == "watching"
    assert decide(replace(tally, trusted=frozenset({"key-0"}))) == "rolled_back"
    assert decide(replace(tally, trusted=frozenset({"key-1"}))) == "watching"


@pytest.mark.slow
def test_a_liar_among_three_neither_rolls_back_an_equal_version_nor_keeps_a_worse_one() -> None:
    # The liar labels half of what differs, always as the predecessor answers; the rest is said rightly.
    rng = np.random.default_rng(2)
    equal = [_run_by_sources(rng, lost=0.05, won=0.05, liar=0.5) for _ in range(200)]
    worse = [_run_by_sources(rng, lost=0.15, won=0.05, liar=0.0) for _ in range(200)]

    # Without a look at sources half of the equal ones are rolled back. At 7.8 % (31 of 400: Ville's 5, and
    # some before a third source labels) more than 26 of 200 have a chance of .4 %.
    assert sum(decision == "rolled_back" for decision, _ in equal) <= 26
    assert median(num_images for _, num_images in worse) <= 350
    assert all(decision == "rolled_back" for decision, _ in worse)


def test_ten_points_worse_is_rolled_back_within_250_images() -> None:
    # The median is about 180, and that of 300 runs within 15 of it: more than 250 has a chance under 1e-6.
    rng = np.random.default_rng(0)
    runs = [_run(rng, lost=0.15, won=0.05) for _ in range(300)]

    assert all(decision == "rolled_back" for decision, _ in runs)
    assert median(num_images for _, num_images in runs) <= 250


# Where open differences were left out, half of the wins unlabelled would roll back 74 of 100 equal versions.
@pytest.mark.parametrize("labelled_when_won", [1.0, 0.5])
def test_an_equal_version_stays_in_production(labelled_when_won: float) -> None:
    # Ville's bound is 1 % (simulated: .7 %). At 1 % more than 8 of 300 have a chance of .4 %.
    rng = np.random.default_rng(1)
    runs = [_run(rng, lost=0.05, won=0.05, labelled_when_won=labelled_when_won) for _ in range(300)]

    assert sum(decision == "rolled_back" for decision, _ in runs) <= 8


def _run(
    rng: np.random.Generator, *, lost: float, won: float, labelled_when_won: float = 1.0
) -> tuple[Decision, int]:
    """Return how a watch ends, looked at after each difference, and after how many images."""
    draws, labelled = rng.random(MAX_IMAGES), rng.random(MAX_IMAGES) < labelled_when_won
    num_lost = num_won = num_open = 0
    for num_images, (draw, is_labelled) in enumerate(zip(draws, labelled, strict=True), start=1):
        if draw >= lost + won and num_images < MAX_IMAGES:
            continue
        if draw < lost:
            num_lost += 1
        elif draw < lost + won:
            num_won += is_labelled
            num_open += not is_labelled
        decision = decide(Tally(num_images, num_lost, num_won, num_open))
        if decision != "watching":
            return decision, num_images
    raise AssertionError("a watch ends at 5,000 images")


def _run_by_sources(
    rng: np.random.Generator, *, lost: float, won: float, liar: float
) -> tuple[Decision, int]:
    """Return how a watch ends that three sources label, one of which may lie, and after how many images."""
    said = {name: [0, 0] for name in ("liar", "ann", "bob")}
    for num_images, draw in enumerate(rng.random(MAX_IMAGES), start=1):
        if draw >= lost + won and num_images < MAX_IMAGES:
            continue
        if draw < lost + won:
            is_lie = rng.random() < liar
            source = "liar" if is_lie else str(rng.choice(["ann", "bob", "liar"][: 2 if liar else 3]))
            said[source][0 if draw < lost or is_lie else 1] += 1
        by_source = {name: LabelCounts(*counts) for name, counts in said.items() if sum(counts)}
        num_lost, num_won = (sum(counts[index] for counts in said.values()) for index in (0, 1))
        decision = decide(Tally(num_images, num_lost, num_won, by_source=by_source))
        if decision != "watching":
            return decision, num_images
    raise AssertionError("a watch ends at 5,000 images")
