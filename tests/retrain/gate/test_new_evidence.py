"""The checks on new images: only differences need a label, and what has none counts for production."""

from dataclasses import replace

import numpy as np
import pytest

from retrain.gate.errors import OutcomesError
from retrain.gate.new_evidence import check_new, check_sources, p_now, wins_needed
from retrain.gate.outcomes import NO_ANSWER, NewEvidence, Tally, no_new_evidence
from retrain.gate.settings import GateSettings
from tests.retrain.gate.counted import new_evidence, together

SETTINGS = GateSettings()


def test_only_images_on_which_the_two_differ_count() -> None:
    evidence = NewEvidence(
        np.array([0, 0, 0, 0, 0, 0, NO_ANSWER]),
        np.array([0, 0, 1, 1, 1, 1, 1]),
        np.array([2, 0, 1, 0, 2, -1, -2]),
        ("ann", "ann", "ann", "ann", "ann", None, "ann"),
    )
    # What both got right or wrong is neither won nor lost, whether its class is known or not.
    assert evidence.tally() == Tally(num_images=7, num_differing=5, num_won=1, num_lost=1, num_open=1)


def test_an_answer_that_is_no_number_is_lost_where_production_is_right() -> None:
    evidence = NewEvidence(np.array([3]), np.array([NO_ANSWER]), np.array([3]), ("ann",))
    assert evidence.tally().num_lost == 1


def test_evidence_of_different_images_is_refused() -> None:
    with pytest.raises(OutcomesError, match="same images"):
        NewEvidence(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(3, np.int64), (None, None))


def test_a_difference_without_a_label_counts_as_lost() -> None:
    # 9 or 10 of 10 heads: 11 / 1024; with two more that nobody labelled 9 … 12 of 12: 299 / 4096.
    assert p_now(new_evidence(won=9, lost=1).tally()) == pytest.approx(11 / 1024)
    assert p_now(new_evidence(won=9, lost=1, still_open=2).tally()) == pytest.approx(299 / 4096)


def test_labels_where_the_two_agree_or_are_both_wrong_change_nothing() -> None:
    evidence = new_evidence(won=9, lost=1, neither=50, same=900)
    assert p_now(evidence.tally()) == pytest.approx(11 / 1024)


def test_it_passes_at_its_level_with_differences_unlabelled() -> None:
    # 14 of 20 have p = .0577, 15 have .0207.
    assert check_new(new_evidence(won=15, still_open=5, same=80), 0.04, SETTINGS).passed is True
    open_check = check_new(new_evidence(won=14, lost=1, still_open=5, same=80), 0.04, SETTINGS)
    assert (open_check.passed, open_check.is_open) == (None, True)
    assert open_check.numbers["wins_needed"] == 1
    assert "1 more answers for the candidate, of 5 open questions" in open_check.note
    assert check_new(new_evidence(won=15, still_open=5, same=80), 0.01, SETTINGS).passed is None


def test_the_levels_of_both_attempts_add_up_to_five_per_cent() -> None:
    assert SETTINGS.alpha_new(1) == 0.03
    assert SETTINGS.alpha_new(1) + SETTINGS.alpha_new(2) == pytest.approx(0.05)


@pytest.mark.parametrize("still_open", [0, 3, 12, 40])
@pytest.mark.parametrize(("won", "lost"), [(0, 0), (14, 4), (3, 9), (20, 0)])
def test_the_wins_needed_are_the_fewest_that_decide(won: int, lost: int, still_open: int) -> None:
    def p(more: int) -> float:
        return p_now(Tally(200, won + lost + still_open, won + more, lost + still_open - more, 0))

    enough = [more for more in range(still_open + 1) if p(more) <= 0.04]
    tally = Tally(200, won + lost + still_open, won, lost, still_open)
    assert wins_needed(tally, 0.04) == (enough[0] if enough else None)


def test_under_one_per_cent_differing_is_rejected_without_a_label_even_if_all_are_won() -> None:
    few = check_new(new_evidence(won=9, same=991), 0.04, SETTINGS)
    assert few.passed is False
    assert few.bound == "differ on 1.0 % or more"
    assert check_new(new_evidence(won=10, same=990), 0.04, SETTINGS).passed is True


def test_fewer_images_than_a_hundred_do_not_show_that_the_two_hardly_differ() -> None:
    assert check_new(new_evidence(same=99), 0.04, SETTINGS).is_open
    assert check_new(new_evidence(same=100), 0.04, SETTINGS).passed is False


def test_it_fails_where_the_candidate_cannot_be_better_by_a_point() -> None:
    # The score bound at 4 % of 4 won, 40 lost of 1,000 lies below 0; of 4 won, 4 lost of 100 far above .01.
    worse = check_new(new_evidence(won=4, lost=40, same=956), 0.04, SETTINGS)
    assert worse.passed is False
    assert worse.bound == "may be better by 1.0 points"
    assert check_new(new_evidence(won=4, lost=4, same=92), 0.04, SETTINGS).is_open


def test_open_questions_are_hoped_for_before_a_candidate_is_refused() -> None:
    assert check_new(new_evidence(won=4, lost=20, still_open=20, same=956), 0.04, SETTINGS).is_open


def test_no_images_leave_it_open_and_are_said() -> None:
    check = check_new(no_new_evidence(), 0.04, SETTINGS)
    assert check.is_open
    assert check.note == "open, because no fair new images were seen"
    assert check.numbers["wins_needed"] is None


def test_without_a_source_all_that_it_labelled_is_left_out() -> None:
    both = together(new_evidence(won=3, still_open=2), new_evidence(won=5, lost=1, source="ben"))
    tally = both.without("ben").tally()
    assert (tally.num_won, tally.num_lost, tally.num_open) == (3, 0, 2)


def sourced(**won: int) -> NewEvidence:
    """Return 1 image lost by each source, and so many won."""
    return together(*(new_evidence(won=num, lost=1, source=name) for name, num in won.items()))


def test_no_source_of_three_decides_alone() -> None:
    # Without mallory 6 of 8 are won: (28 + 8 + 1) / 256.
    check = check_sources(sourced(ann=2, ben=4, mallory=30), SETTINGS)
    assert (check.passed, check.is_open) == (None, True)
    assert check.numbers["source"] == "mallory"
    assert check.numbers["p"] == pytest.approx(37 / 256)
    assert check.note == "open, because without the labels of mallory it is not proven"


def test_the_level_without_a_source_is_six_per_cent() -> None:
    # Without ann, as without ben, 8 of 10 are won: p = .0547; 7 of 9 have .0898.
    assert check_sources(sourced(ann=7, ben=7, cid=1), SETTINGS).passed is True
    assert check_sources(sourced(ann=6, ben=6, cid=1), SETTINGS).passed is None


def test_the_sources_of_what_was_learnt_count_too() -> None:
    alone = sourced(mallory=20)
    assert check_sources(alone, SETTINGS).is_open is False
    learnt = replace(alone, learnt_from=frozenset({"ann", "ben"}))
    check = check_sources(learnt, SETTINGS)
    assert (check.passed, check.is_open, check.numbers["source"]) == (None, True, "mallory")


def test_a_trusted_source_may_decide_alone() -> None:
    trusted = replace(sourced(ann=30, ben=1, cid=1), trusted=frozenset({"ann"}))
    check = check_sources(trusted, SETTINGS)
    assert (check.passed, check.is_open) == (None, False)
    assert check.note == "not asked, because no untrusted source gave 5 labels"


def test_it_is_not_asked_of_two_sources_or_of_none_that_gave_five() -> None:
    two = check_sources(sourced(ann=20, ben=20), SETTINGS)
    assert (two.passed, two.is_open) == (None, False)
    assert two.note == "not asked, because labels came from 2 sources, and it takes 3"
    small = check_sources(sourced(ann=3, ben=3, cid=3), SETTINGS)
    assert (small.passed, small.is_open) == (None, False)
    assert small.note == "not asked, because no untrusted source gave 5 labels"


def test_a_source_is_left_out_from_five_labels_on() -> None:
    assert check_sources(sourced(ann=3, ben=3, cid=4), SETTINGS).numbers["source"] == "cid"
