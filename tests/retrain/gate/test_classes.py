"""No class may be forgotten."""

import pytest

from retrain.gate.classes import check_classes, classes_in_doubt, lost_classes
from retrain.gate.outcomes import Outcomes, no_outcomes, pool
from retrain.gate.settings import GateSettings
from tests.retrain.gate.counted import outcomes

SETTINGS = GateSettings()


def golden(*own: Outcomes, num_held: int = 3, num_each: int = 100) -> Outcomes:
    """Return these outcomes with those of classes that are held, from class 1 on."""
    held = [outcomes(both=num_each, label=label) for label in range(1, num_held + 1)]
    return pool([*own, *held], "golden")


def lost(own: Outcomes, learnt: dict[int, Outcomes] | None = None, num_held: int = 3) -> list[int]:
    return lost_classes(golden(own, num_held=num_held), learnt or {}, num_held + 1, SETTINGS)


@pytest.mark.parametrize(
    ("own", "is_lost"),
    [
        (outcomes(both=5, lost=5, neither=2), True),
        # Under half of what was right.
        (outcomes(both=6, lost=5, neither=2), False),
        # Four lost, p = 1/16.
        (outcomes(both=0, lost=4, neither=6), False),
        # Wins count against losses: 8 net of 17 right, p = .038.
        (outcomes(both=5, lost=12, won=4), False),
    ],
)
def test_a_class_is_lost_with_half_of_its_right_answers(own: Outcomes, is_lost: bool) -> None:
    # Among a hundred classes p = 1/32 is nothing to Benjamini and Hochberg, and half is lost all the same.
    assert lost(own, num_held=99) == ([0] if is_lost else [])


def test_half_of_a_class_is_lost_at_five_per_cent_only() -> None:
    # 8 lost and 3 won, p = .113: net 5 of 10 right are half.
    assert lost(outcomes(both=2, lost=8, won=3), num_held=99) == []


def test_a_significant_loss_over_five_points_is_found_among_all_classes() -> None:
    # 9 of 100 lost and 1 won: p = .0107, under .1 / 4 and over .1 / 100.
    own = outcomes(both=80, lost=9, won=1, neither=10)
    assert lost(own) == [0]
    assert lost(own, num_held=99) == []


def test_a_significant_loss_under_five_points_is_kept() -> None:
    assert lost(outcomes(both=250, lost=13, neither=17)) == []
    assert lost(outcomes(both=230, lost=14, neither=16)) == [0]


def test_a_class_with_a_net_loss_of_two_is_in_doubt() -> None:
    two, one = outcomes(lost=3, won=1, both=2), outcomes(lost=3, won=2, both=2, label=1)
    assert classes_in_doubt(pool([two, one], "golden"), 4, SETTINGS) == [0]


def test_what_an_earlier_attempt_lost_is_in_doubt() -> None:
    two = outcomes(lost=2, both=2, label=1)
    assert classes_in_doubt(pool([two], "golden"), 4, SETTINGS, lost_before=[3, 1]) == [1, 3]


def test_a_class_of_five_images_is_lost_where_it_was_learnt() -> None:
    thin = outcomes(both=1, lost=3, neither=1)
    assert lost(thin) == []
    assert lost(thin, {0: outcomes(both=0, lost=28, neither=2)}) == [0]


@pytest.mark.parametrize(
    ("own", "is_lost"),
    [
        # p = 1/32, 5 of 30.
        (outcomes(both=25, lost=5), True),
        (outcomes(both=26, lost=4), False),
        # Significant, but no more than 5 points.
        (outcomes(both=95, lost=5), False),
    ],
)
def test_it_takes_a_significant_loss_over_five_points_where_it_was_learnt(
    own: Outcomes, is_lost: bool
) -> None:
    assert lost(outcomes(both=2, lost=2), {0: own}) == ([0] if is_lost else [])


def test_the_check_names_thin_classes_and_returns_the_lost() -> None:
    names = ["ant", "bee", "cow", "dog"]
    check, labels = check_classes(golden(outcomes(both=11)), {}, names, SETTINGS)
    assert (check.passed, labels) == (True, [])
    assert check.figure == "0 lost; under 12 images: ant"
    check, labels = check_classes(golden(outcomes(lost=12)), {}, names, SETTINGS)
    assert (check.passed, labels) == (False, [0])
    assert check.figure == "1 lost"


def test_of_many_thin_classes_the_first_are_named() -> None:
    names = [f"class {number}" for number in range(1000)]
    check, _ = check_classes(outcomes(both=12), {}, names, SETTINGS)
    assert check.figure.endswith("class 1, class 2, class 3, class 4, class 5 and 994 more")
    assert check.numbers["num_thin"] == 999


def test_classes_are_not_asked_without_golden_images() -> None:
    check, labels = check_classes(no_outcomes("golden"), {}, ["ant"], SETTINGS)
    assert (check.passed, check.is_open, labels) == (None, False, [])
