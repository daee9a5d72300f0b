"""Replay: as many of each class, and half of what rounds learnt."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from retrain.replay import class_balanced_replay, replay


@dataclass(frozen=True)
class Old:
    id: int
    label: str | None
    sha256: str = ""


def old_samples(**sizes: int) -> list[Old]:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return [Old(index, label) for index, label in enumerate(labels)]


def drawn(samples: list[Old], num: int, seed: int = 0) -> list[Old]:
    return class_balanced_replay(samples, num, np.random.default_rng(seed))


def test_each_class_gives_as_many() -> None:
    replayed = drawn(old_samples(ant=1000, bee=60, cow=200), 150)
    assert Counter(sample.label for sample in replayed) == {"ant": 50, "bee": 50, "cow": 50}


def test_a_small_class_gives_all_and_the_others_fill_up() -> None:
    replayed = drawn(old_samples(ant=1000, bee=10, cow=30), 100)
    assert Counter(sample.label for sample in replayed) == {"ant": 60, "bee": 10, "cow": 30}


def test_no_sample_comes_twice() -> None:
    replayed = drawn(old_samples(ant=70, bee=30), 90)
    assert len({sample.id for sample in replayed}) == 90


def test_all_come_where_there_are_fewer_than_wanted() -> None:
    samples = old_samples(ant=3, bee=2)
    assert sorted(sample.id for sample in drawn(samples, 10)) == [0, 1, 2, 3, 4]
    assert drawn(samples, 0) == []
    assert drawn([], 10) == []


def test_the_remainder_is_drawn_by_lot() -> None:
    counts = [
        Counter(sample.label for sample in drawn(old_samples(a=9, b=9, c=9), 10, seed)) for seed in range(40)
    ]
    assert all(sorted(count.values()) == [3, 3, 4] for count in counts)
    assert {max(count, key=lambda label: count[label]) for count in counts} == {"a", "b", "c"}


def test_more_classes_than_places_still_draw_no_class_twice() -> None:
    replayed = drawn(old_samples(**{f"c{index}": 5 for index in range(20)}), 8)
    assert len({sample.label for sample in replayed}) == 8


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    samples = old_samples(ant=50, bee=50)
    assert drawn(samples, 20) == drawn(samples[::-1], 20)
    assert drawn(samples, 20) != drawn(samples, 20, seed=1)


def test_samples_without_a_label_are_left_out() -> None:
    samples = [*old_samples(ant=5), Old(99, None)]
    assert {sample.label for sample in drawn(samples, 6)} == {"ant"}


def test_every_sample_of_a_class_is_drawn_as_often() -> None:
    samples, seen = old_samples(ant=20, bee=20), Counter[int]()
    for seed in range(500):
        seen.update(sample.id for sample in drawn(samples, 10, seed))
    # Each is drawn with probability 1/4: 125 ± 9.7. Five deviations over 40 samples fail once in
    # 40,000 seeds, and a reservoir that is off by one would leave one out altogether.
    assert len(seen) == 40
    assert all(abs(count - 125) < 5 * 9.7 for count in seen.values())


def by_round(num_first: int, *nums: int) -> tuple[list[Old], dict[int, int]]:
    """Return samples of two classes, and the round of each that is not of the first training."""
    samples = [Old(index, "ab"[index % 2]) for index in range(num_first + sum(nums))]
    rounds = [number for number, num in enumerate(nums, 1) for _ in range(num)]
    return samples, dict(enumerate(rounds, num_first))


def counted(samples: list[Old], round_of: dict[int, int], num: int) -> Counter[tuple[int, str | None]]:
    drawn = replay(samples, num, round_of, np.random.default_rng(0))
    assert len({sample.id for sample in drawn}) == len(drawn)
    return Counter((round_of.get(sample.id, 0), sample.label) for sample in drawn)


def test_half_is_of_rounds_whatever_their_number_and_size() -> None:
    counts = counted(*by_round(100_000, 500, 500), 400)
    assert counts == {(r, c): 100 if r == 0 else 50 for r in (0, 1, 2) for c in "ab"}


def test_rounds_share_by_the_square_root_of_their_size() -> None:
    counts = counted(*by_round(1000, 100, 400), 120)
    assert counts == {(0, "a"): 30, (0, "b"): 30, (1, "a"): 10, (1, "b"): 10, (2, "a"): 20, (2, "b"): 20}


def test_without_rounds_all_is_of_the_first_training_and_without_that_all_of_rounds() -> None:
    assert counted(*by_round(100), 50) == {(0, "a"): 25, (0, "b"): 25}
    samples, round_of = by_round(0, 40, 40)
    assert counted(samples, round_of, 40) == {(r, c): 10 for r in (1, 2) for c in "ab"}


def test_a_small_round_gives_all_and_the_others_fill_up() -> None:
    counts = counted(*by_round(1000, 4), 100)
    assert counts == {(0, "a"): 48, (0, "b"): 48, (1, "a"): 2, (1, "b"): 2}
