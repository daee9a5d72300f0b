import pytest

from store.samples.label_rules import LabelState, latest_labels, nearest_class, resolve_labels, status_of

CLASSES = ["ants", "bees"]


@pytest.mark.parametrize(
    ("latest", "state", "label"),
    [
        ({"ann": "bees"}, "accepted", "bees"),
        ({"ann": "bees", "ben": "bees"}, "accepted", "bees"),
        ({"ann": "bees", "ben": "ants"}, "conflict", None),
        ({"ann": "bees", "ben": "ants", "cy": "bees"}, "conflict", None),
        ({"ann": "wasps"}, "quarantined", None),
        ({"ann": "wasps", "ben": "wasps"}, "quarantined", None),
        ({"ann": "wasps", "ben": "moths"}, "quarantined", None),
        ({"ann": "wasps", "ben": "bees"}, "accepted", "bees"),
        ({"ann": "wasps", "ben": "bees", "cy": "ants"}, "conflict", None),
    ],
)
def test_the_label_in_force_is_the_class_that_all_sources_who_know_one_say_last(
    latest: dict[str, str], state: str, label: str | None
) -> None:
    assert resolve_labels(latest, CLASSES) == LabelState(state, label)  # type: ignore[arg-type]  # parametrized


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
    history = [("ann", label) for label in said]
    assert latest_labels([("ben", "ants"), *history], CLASSES) == {"ben": "ants", "ann": counts}


@pytest.mark.parametrize(
    ("labels_before", "source", "label", "status"),
    [
        ({}, "ann", "bees", "accepted"),
        ({}, "ann", "wasps", "quarantined"),
        ({"ann": "bees"}, "ann", "bees", "duplicate"),
        ({"ann": "bees"}, "ben", "bees", "duplicate"),
        ({"ann": "bees"}, "ann", "ants", "corrected"),
        ({"ann": "bees"}, "ben", "ants", "conflict"),
        ({"ann": "bees", "ben": "ants"}, "ben", "ants", "duplicate"),
        ({"ann": "bees", "ben": "ants"}, "cy", "ants", "conflict"),
        ({"ann": "bees", "ben": "ants"}, "ben", "bees", "corrected"),
        ({"ann": "wasps"}, "ann", "wasps", "quarantined"),
        ({"ann": "wasps"}, "ann", "bees", "corrected"),
        ({"ann": "bees"}, "ann", "wasps", "quarantined"),
        ({"ann": "bees"}, "ben", "wasps", "quarantined"),
    ],
)
def test_a_source_gets_the_outcome_of_its_label(
    labels_before: dict[str, str], source: str, label: str, status: str
) -> None:
    answer = status_of(
        source,
        label,
        labels_before=labels_before,
        state_before=resolve_labels(labels_before, CLASSES) if labels_before else None,
        state_now=resolve_labels(latest_labels([*labels_before.items(), (source, label)], CLASSES), CLASSES),
        class_names=CLASSES,
    )
    assert answer == status


def test_a_label_that_became_a_class_is_accepted_when_it_is_sent_again() -> None:
    answer = status_of(
        "ann",
        "wasps",
        labels_before={"ann": "wasps"},
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
