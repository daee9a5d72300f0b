from retrain.watch import sentence
from retrain.watch.rule import LabelCounts, Tally
from store.version_history import LearntSource


def test_a_roll_back_names_the_counts_the_evidence_and_the_sources() -> None:
    tally = Tally(1178, num_lost=40, num_won=9, num_open=2, num_neither=3)
    assert sentence.rolled_back(
        "v4",
        "v3",
        tally,
        [LearntSource("field-app", 1400, is_trusted=True), LearntSource("kiosk", 120, is_trusted=False)],
    ) == (
        "v4 was worse than v3: of 1,178 images it lost 40 and won 11 (2 of these want a label, and count for "
        "it); the evidence is 1,818, and 100 is enough. The labels that v4 had learnt are of: "
        "field-app (1,400), kiosk (120)."
    )


def test_one_or_two_sources_that_decided_are_named() -> None:
    votes = {"bob": LabelCounts(4), "ann": LabelCounts(5)}
    told = sentence.rolled_back("v4", "v3", Tally(90, num_lost=9, num_won=0, by_source=votes), [])
    assert told.endswith("100 is enough. All its labels are of ann and bob.")


def test_one_image_is_no_plural() -> None:
    assert "of one image it answered 1 otherwise" in sentence.watching("v4", "v3", Tally(1, 0, 0, 1))
