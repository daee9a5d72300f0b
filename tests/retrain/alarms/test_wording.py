from datetime import UTC, datetime, timedelta

import pytest

from retrain.alarms import wording

TUESDAY = datetime(2026, 5, 5, 14, tzinfo=UTC)


def test_looks_are_told_with_their_classes_and_in_which_way_they_are_otherwise() -> None:
    told = wording.looks(TUESDAY, TUESDAY, ["cat", "dog"], "darker by 38 %, blurrier")
    assert told == (
        "Since Tuesday 14:00 UTC the images look otherwise, most in 'cat' and 'dog': "
        "darker by 38 %, blurrier."
    )


def test_where_no_word_or_class_says_it_the_sentence_is_whole_without() -> None:
    assert wording.looks(TUESDAY, TUESDAY, [], "") == "Since Tuesday 14:00 UTC the images look otherwise."


def test_a_class_mix_is_told_with_the_shares_before_and_since() -> None:
    told = wording.class_mix(TUESDAY, TUESDAY, [("cat", 0.1, 0.42), ("dog", 0.3, 0.08)])
    assert told == (
        "Since Tuesday 14:00 UTC other classes come than before, looking as ever: "
        "'cat' 10 → 42 %, 'dog' 30 → 8 %."
    )


def test_errors_are_told_with_how_many_labels_and_which_class() -> None:
    assert wording.errors(TUESDAY, TUESDAY, 0.09, 0.182, 1200, "") == (
        "Since Tuesday 14:00 UTC more answers are wrong: 18 % of 1,200 labelled draws, 9 % before."
    )
    assert "more answers 'cat' are wrong" in wording.errors(TUESDAY, TUESDAY, 0.1, 0.2, 50, "cat")


@pytest.mark.parametrize(("days", "expected"), [(5, "Tuesday 14:00 UTC"), (6, "5 May 14:00 UTC")])
def test_a_weekday_is_named_only_where_it_is_clear_which(days: int, expected: str) -> None:
    assert wording.moment(TUESDAY, TUESDAY + timedelta(days=days)) == expected


def test_three_classes_are_named_at_most() -> None:
    assert wording.named(["cat"]) == "'cat'"
    assert wording.named(["cat", "dog", "owl", "fox"]) == "'cat', 'dog', 'owl' and others"
