import pytest
from scipy.stats import binom  # type: ignore[attr-defined]  # SciPy comes without types

from store.samples.splits import SplitSettings, inherited_split, shown_split, split_for, strictest

SETTINGS = SplitSettings()
NUM = 5000


def count(origin: str) -> dict[str, int]:
    splits = [split_for(f"{number:064x}", origin, SETTINGS) for number in range(NUM)]
    return {split: splits.count(split) for split in ("train", "validation", "holdout", "golden")}


@pytest.mark.parametrize(("origin", "holdout"), [("direct", 0.2), ("volunteered", 0.2), ("audit", 0.5)])
def test_the_cuts_have_the_fractions_that_the_settings_name(origin: str, holdout: float) -> None:
    # A correct split is within each bound with p = 1 - 1e-6; the keys are fixed, so the result never changes.
    counts = count(origin)
    assert counts["golden"] == 0
    for split, fraction in (("holdout", holdout), ("validation", (1 - holdout) * 0.15)):
        low, high = binom.interval(1 - 1e-6, NUM, fraction)
        assert low <= counts[split] <= high


def test_a_key_always_gives_the_same_split() -> None:
    # These are literal: if the hash changed, a release would split the samples of a group differently.
    direct = [split_for(key, "direct", SETTINGS) for key in "abcde"]
    audit = [split_for(key, "audit", SETTINGS) for key in "abcde"]
    assert direct == ["train", "validation", "train", "train", "train"]
    assert audit == ["holdout", "validation", "train", "holdout", "holdout"]


def test_what_is_kept_back_of_direct_samples_is_kept_back_of_audits_too() -> None:
    keys = [f"{number:064x}" for number in range(500)]
    direct = {key for key in keys if split_for(key, "direct", SETTINGS) == "holdout"}
    audit = {key for key in keys if split_for(key, "audit", SETTINGS) == "holdout"}
    assert direct < audit


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_the_ends_of_the_range_hold(fraction: float) -> None:
    settings = SplitSettings(holdout_fraction=fraction, validation_fraction=0.0)
    splits = {split_for(f"{number}", "direct", settings) for number in range(200)}
    assert splits == ({"holdout"} if fraction else {"train"})


def test_what_is_near_to_a_golden_sample_is_judged_on_and_never_golden() -> None:
    inherited = [inherited_split(split) for split in ("golden", "holdout", "validation", "train")]
    assert inherited == ["holdout", "holdout", "validation", "train"]


def test_the_strictest_split_is_the_one_nearest_to_judgement() -> None:
    assert strictest(["train", "golden", "holdout"]) == "golden"
    assert strictest(["train", "validation"]) == "validation"
    assert strictest([]) is None


def test_clients_see_whether_a_sample_is_learnt_or_judged() -> None:
    shown = [shown_split(split) for split in ("golden", "holdout", "validation", "train")]
    assert shown == ["holdout", "holdout", "train", "train"]
