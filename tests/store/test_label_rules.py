import pytest

from store.label_rules import Standing, nearest_class, standing, status_of

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
    assert standing(latest, CLASSES) == Standing(state, label)  # type: ignore[arg-type]  # parametrized


@pytest.mark.parametrize(
    ("before", "source", "label", "status"),
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
def test_a_source_is_told_what_its_label_did(
    before: dict[str, str], source: str, label: str, status: str
) -> None:
    told = status_of(
        source,
        label,
        before=before,
        was=standing(before, CLASSES) if before else None,
        stands=standing({**before, source: label}, CLASSES),
        class_names=CLASSES,
    )
    assert told == status


def test_a_label_that_became_a_class_is_taken_when_it_is_sent_again() -> None:
    told = status_of(
        "ann",
        "wasps",
        before={"ann": "wasps"},
        was=Standing("quarantined", None),
        stands=Standing("accepted", "wasps"),
        class_names=["wasps"],
    )
    assert told == "corrected"


@pytest.mark.parametrize(
    ("label", "nearest"), [("bee", "bees"), ("ANTS", "ants"), ("aunts", "ants"), ("Bess", "bees")]
)
def test_the_nearest_class_is_named(label: str, nearest: str) -> None:
    assert nearest_class(label, CLASSES) == nearest


def test_there_is_no_nearest_class_among_none() -> None:
    assert nearest_class("ants", []) is None
