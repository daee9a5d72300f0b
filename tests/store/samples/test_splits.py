import pytest
from scipy.stats import binom  # type: ignore[attr-defined]  # SciPy comes without types

from store.database.database import Database
from store.samples.splits import (
    SplitSettings,
    Splitter,
    inherited_split,
    split_secret,
    strictest,
)

SETTINGS = SplitSettings()
SPLITTER = Splitter(b"a secret of the store, 32 bytes.", SETTINGS)
NUM = 5000
IMAGES = [f"{number:064x}" for number in range(NUM)]


def is_as_chance_has_it(num: int, fraction: float) -> bool:
    # A correct split is within the bound with p = 1 - 1e-6; the keys are fixed, so the result never changes.
    low, high = binom.interval(1 - 1e-6, NUM, fraction)
    return bool(low <= num <= high)


def test_the_cuts_have_the_fractions_that_the_settings_name() -> None:
    splits = [SPLITTER.split_of(image) for image in IMAGES]
    assert is_as_chance_has_it(splits.count("holdout"), 0.2)
    assert is_as_chance_has_it(splits.count("validation"), 0.8 * 0.15)
    assert "golden" not in splits


def test_draws_have_their_fraction_and_say_nothing_about_the_split() -> None:
    draws = [image for image in IMAGES if SPLITTER.is_draw(image)]
    assert is_as_chance_has_it(len(draws), 0.05)
    assert is_as_chance_has_it(sum(SPLITTER.split_of(image) == "holdout" for image in draws), 0.05 * 0.2)


def test_a_key_always_gives_the_same_split_draw_and_rank() -> None:
    # These are literal: if the hash changed, a release would split the images of a group differently.
    assert [SPLITTER.split_of(key) for key in "abcd"] == ["validation", "holdout", "train", "train"]
    assert [SPLITTER.rank(key) for key in "ab"] == [2711390660520334220, 5069435071088812122]
    assert [key for key in map(str, range(60)) if SPLITTER.is_draw(key)] == ["31", "46"]


def test_another_secret_splits_otherwise() -> None:
    # Two secrets agree on all of 200 images with p = (0.2² + 0.8²)²⁰⁰ < 1e-33.
    other = Splitter(b"another secret of another store.", SETTINGS)
    assert [SPLITTER.split_of(image) for image in IMAGES[:200]] != [other.split_of(i) for i in IMAGES[:200]]


def test_images_of_a_sources_group_share_a_key_and_others_have_their_own() -> None:
    assert SPLITTER.key("a", "ann", "patient 7") == SPLITTER.key("b", "ann", "patient 7")
    assert SPLITTER.key("a", "ann", "patient 7") != SPLITTER.key("a", "ben", "patient 7")
    assert SPLITTER.key("a", "ann", None) == SPLITTER.key("a", "ben", None) == "a"


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_the_ends_of_the_range_hold(fraction: float) -> None:
    every = SplitSettings(holdout_fraction=fraction, validation_fraction=0.0, audit_fraction=fraction)
    split = Splitter(b"secret", every)
    assert {split.split_of(image) for image in IMAGES[:200]} == ({"holdout"} if fraction else {"train"})
    assert {split.is_draw(image) for image in IMAGES[:200]} == {bool(fraction)}


def test_a_store_keeps_its_secret_and_another_has_another(database: Database) -> None:
    secret = database.write(split_secret)
    assert len(secret) == 32
    with database.read() as connection:
        assert split_secret(connection) == secret


def test_what_is_near_to_a_golden_sample_is_judged_on_and_never_golden() -> None:
    inherited = [inherited_split(split) for split in ("golden", "holdout", "validation", "train")]
    assert inherited == ["holdout", "holdout", "validation", "train"]


def test_the_strictest_split_is_the_one_nearest_to_judgement() -> None:
    assert strictest(["train", "golden", "holdout"]) == "golden"
    assert strictest(["train", "validation"]) == "validation"
    assert strictest([]) is None
