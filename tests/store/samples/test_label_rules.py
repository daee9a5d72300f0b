from itertools import product

import pytest

from store.samples.label_rules import (
    GivenLabel,
    LabelState,
    contradiction,
    is_news,
    latest_labels,
    nearest_class,
    resolve_labels,
    status_of,
)

CLASSES = ["ants", "bees"]


def given(text: str) -> GivenLabel:
    """Return what a word tells: "ann:bees", "ann*:bees" of a trusted source, "ann!:bees" settled."""
    source, _, label = text.partition(":")
    is_settlement = source.endswith("!")
    return GivenLabel(source.rstrip("*!"), label, is_settlement or source.endswith("*"), is_settlement)


def history(text: str) -> list[GivenLabel]:
    return [given(word) for word in text.split()]


@pytest.mark.parametrize(
    ("said", "state", "label"),
    [
        ("", "quarantined", None),
        ("ann:bees", "accepted", "bees"),
        ("ann:bees ann:ants", "accepted", "ants"),
        ("ann:bees ben:bees", "accepted", "bees"),
        ("ann:bees ben:ants", "conflict", None),
        ("ann:bees ben:ants cy:bees", "conflict", None),
        ("ann:bees ben:ants ben:bees", "accepted", "bees"),
        ("ann:wasps", "quarantined", None),
        ("ann:wasps ben:moths", "quarantined", None),
        ("ann:wasps ben:bees", "accepted", "bees"),
        ("ann:bees ann:wasps", "accepted", "bees"),
        ("ann:wasps ben:bees cy:ants", "conflict", None),
    ],
)
def test_untrusted_sources_must_agree_on_a_class(said: str, state: str, label: str | None) -> None:
    expected = LabelState(state, label)  # type: ignore[arg-type]  # parametrized
    assert resolve_labels(history(said), CLASSES) == expected


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("ann*:bees", "bees"),
        # Untrusted sources count neither before nor after it.
        ("ben:ants ann*:bees", "bees"),
        ("ann*:bees ben:ants cy:ants dan:ants", "bees"),
        ("ben:ants cy:bees ann*:ants", "ants"),
        # Another trusted source can't change it; its own can.
        ("ann*:bees eve*:ants", "bees"),
        ("ann*:bees eve*:ants ann*:ants", "ants"),
        ("ann*:bees ann*:ants", "ants"),
        ("ann*:bees eve*:ants ann*:cows", "cows"),
        # Once another one has confirmed it, its own can't by itself either.
        ("ann*:bees eve*:bees ann*:ants", "bees"),
        ("ann*:bees eve*:bees ann*:ants eve*:ants", "ants"),
        # A key of the same name that nobody trusts is not that source.
        ("ann*:bees ann:ants", "bees"),
        ("ann*:wasps ben:bees ben:ants", None),
        ("ann*:bees ann*:wasps", "bees"),
    ],
)
def test_the_first_trusted_label_is_in_force_until_no_trusted_source_says_it(
    said: str, label: str | None
) -> None:
    state = resolve_labels(history(said), [*CLASSES, "cows"])
    if label is None:
        assert state == LabelState("accepted", "ants")
    else:
        assert state == LabelState("accepted", label, is_trusted=True)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("ann:bees ben:ants eve!:ants", "ants"),
        ("train*:bees ben:ants eve!:ants", "ants"),
        ("eve!:ants ann*:bees eve*:bees cy:bees", "ants"),
        ("eve!:ants ann*:bees dan!:bees", "bees"),
        # A settlement of a class that is gone counts for nothing.
        ("ann:bees eve!:wasps", None),
    ],
)
def test_a_settlement_is_final_until_the_next(said: str, label: str | None) -> None:
    expected = LabelState("accepted", label or "bees", is_trusted=label is not None)
    assert resolve_labels(history(said), CLASSES) == expected


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("", None),
        ("ann:bees", None),
        ("ann:wasps ben:bees", None),
        ("ann:bees ben:bees", None),
        ("ann:bees ben:ants", "ben:ants"),
        ("ann:bees ben:ants cy:ants", "ben:ants"),
        ("ann:bees ben:ants ann:ants", None),
        ("train*:bees ben:ants", "ben:ants"),
        ("train*:bees ben:wasps", None),
        ("train*:bees ben:ants ben:bees", None),
        ("train*:bees ben:ants cy:ants ben:bees", "cy:ants"),
        ("train*:bees ann*:ants", "ann*:ants"),
        ("train*:bees train:ants", "train:ants"),
        ("train*:bees train*:ants", None),
        # A trusted label settles what untrusted sources said before it.
        ("ben:ants train*:bees", None),
        ("ben:ants cy:bees train*:bees", None),
        ("ben:ants train*:bees cy:ants", "cy:ants"),
        # A settlement settles what anybody said before it.
        ("train*:bees ann*:ants ben:ants eve!:bees", None),
        ("train*:bees ann*:ants eve!:ants", None),
        ("train*:bees ann*:ants eve!:ants train*:bees", "train*:bees"),
        ("ann:bees eve!:ants eve*:bees", "eve*:bees"),
        ("ann:bees eve!:ants ann:bees dan!:bees", None),
    ],
)
def test_a_person_is_asked_where_a_label_that_counts_is_contradicted(said: str, who: str | None) -> None:
    assert contradiction(history(said), CLASSES) == (None if who is None else given(who))


def test_labels_on_which_all_agree_stay_in_force_whoever_is_trusted() -> None:
    # All histories of three labels by two sources, each of them trusted or not.
    words = [f"{source}{trust}:{label}" for source, trust, label in product("ab", ["", "*"], CLASSES)]
    for said in product(words, repeat=3):
        labels = {each.source: each.label for each in map(given, said)}
        trusts = {each.source: each.is_trusted for each in map(given, said)}
        if len(set(labels.values())) == 1 and all(
            trusts[each.source] == each.is_trusted for each in map(given, said)
        ):
            assert resolve_labels(history(" ".join(said)), CLASSES).label == labels.popitem()[1]


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (["bees", "ants"], "ants"),
        (["bees", "bes"], "bees"),
        (["bes", "bees", "bees!"], "bees"),
        (["bes", "bees!"], "bees!"),
    ],
)
def test_of_a_source_its_last_label_that_is_a_class_counts(said: list[str], counts: str) -> None:
    labels = [GivenLabel("ben", "ants"), *(GivenLabel("ann", label) for label in said)]
    assert latest_labels(labels, CLASSES) == {
        "ben": GivenLabel("ben", "ants"),
        "ann": GivenLabel("ann", counts),
    }


@pytest.mark.parametrize(
    ("said", "now", "news"),
    [
        ("", "ann:bees", True),
        ("ann:bees", "ann:bees", False),
        ("ann:bees", "ben:bees", True),
        ("ann:bees ann:ants", "ann:bees", True),
        ("ann:bees", "ann*:bees", True),
        ("ann*:bees", "ann:bees", False),
        ("ann*:bees ann:ants", "ann*:bees", True),
        ("ann!:bees", "ann!:bees", True),
        ("ann!:bees", "ann*:bees", False),
    ],
)
def test_a_label_that_its_source_has_given_already_is_no_news(said: str, now: str, news: bool) -> None:
    assert is_news(history(said), given(now)) == news


@pytest.mark.parametrize(
    ("said", "now", "status"),
    [
        ("", "ann:bees", "accepted"),
        ("", "ann:wasps", "quarantined"),
        ("ann:bees", "ann:bees", "duplicate"),
        ("ann:bees", "ben:bees", "duplicate"),
        ("ann:bees", "ann:ants", "corrected"),
        ("ann:bees", "ben:ants", "conflict"),
        ("ann:bees ben:ants", "ben:ants", "duplicate"),
        ("ann:bees ben:ants", "cy:ants", "conflict"),
        ("ann:bees ben:ants", "ben:bees", "corrected"),
        ("ann:wasps", "ann:wasps", "quarantined"),
        ("ann:wasps", "ann:bees", "corrected"),
        ("ann:bees", "ann:wasps", "quarantined"),
        ("ann:bees", "ben:wasps", "quarantined"),
        ("train*:bees", "ben:ants", "conflict"),
        ("train*:bees", "ann*:ants", "conflict"),
        ("train*:bees", "train*:ants", "corrected"),
        ("train*:bees", "train:ants", "conflict"),
        ("train*:bees", "ben:bees", "duplicate"),
        ("train*:bees ben:ants", "ben:ants", "duplicate"),
        ("train*:bees ben:ants", "ben:bees", "corrected"),
        ("ben:ants", "ann*:bees", "corrected"),
        ("ben:ants", "ann*:ants", "duplicate"),
        ("ben:ants cy:bees", "ann*:ants", "corrected"),
        ("train*:bees eve!:ants", "train*:bees", "duplicate"),
        ("train*:bees eve!:ants", "eve*:bees", "conflict"),
    ],
)
def test_a_source_gets_the_outcome_of_its_label(said: str, now: str, status: str) -> None:
    before, last = history(said), latest_labels(history(said), CLASSES).get(given(now).source)
    answer = status_of(
        given(now),
        said_before=last.label if last is not None else None,
        state_before=resolve_labels(before, CLASSES) if before else None,
        state_now=resolve_labels([*before, given(now)], CLASSES),
        class_names=CLASSES,
    )
    assert answer == status


def test_a_label_that_became_a_class_is_accepted_when_it_is_sent_again() -> None:
    answer = status_of(
        GivenLabel("ann", "wasps"),
        said_before="wasps",
        state_before=LabelState("quarantined", None),
        state_now=LabelState("accepted", "wasps"),
        class_names=["wasps"],
    )
    assert answer == "corrected"


@pytest.mark.parametrize(
    ("label", "nearest"), [("bee", "bees"), ("ANTS", "ants"), ("aunts", "ants"), ("Bess", "bees")]
)
def test_the_nearest_class_is_named(label: str, nearest: str) -> None:
    assert nearest_class(label, CLASSES) == nearest


@pytest.mark.parametrize("label", ["qwertz", "x", "\u05db\u05dc\u05d1", "a bee or an ant, I can't tell"])
def test_no_class_is_named_where_none_is_near(label: str) -> None:
    assert nearest_class(label, CLASSES) is None


def test_there_is_no_nearest_class_among_none() -> None:
    assert nearest_class("ants", []) is None
