"""The cases of `make bench-gate`: what each simulates, and the bar that its figure is held against."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.gate.figures import Figure, mean, quantile, rate
from benchmarks.gate.rounds import SimulatedRound, promote
from benchmarks.gate.situations import NUM_POOL, SITUATIONS, crept, on_live
from benchmarks.gate.watches import Watched, watch
from benchmarks.gate.worlds import Rng, Users
from retrain.evidence.pool import MAX_QUESTIONS
from retrain.watch.rule import MAX_IMAGES

_NEVER = 10_000.0  # more answers than there are questions


@dataclass(frozen=True, slots=True)
class Case:
    """One figure.

    Attributes:
        bar: What it must not exceed, or be at least.
        samples: By name, each a function that simulates one round and returns what counts; the worst name
            counts.
        measure: Makes a figure of many rounds.
        is_least: The bar is the least that is wanted.
        num_rounds: Rounds that one sample takes.
    """

    bar: float
    samples: Mapping[str, Callable[[Rng], float]]
    measure: Callable[[Sequence[float]], Figure] = rate
    is_least: bool = False
    num_rounds: int = 1

    def worst(self, figures: Mapping[str, Figure]) -> str:
        """Return the name whose figure is the worst."""
        return (min if self.is_least else max)(figures, key=lambda name: figures[name].value)


def num_answers(rng: Rng, max_questions: int = MAX_QUESTIONS) -> float:
    """Return after how many answers a candidate that is 5 points better passes, 10,000 where it does not."""
    nobody_labels = Users(0.0, 0.0, answering=1.0)
    waiting = on_live(nobody_labels, 0.05, 0.1, num=2 * NUM_POOL)
    ended = SimulatedRound(waiting.draw(rng), nobody_labels, rng, max_questions=max_questions).run()
    return float(ended.num_answered) if ended.share else _NEVER


def _images_until_rolled_back(rng: Rng) -> float:
    decision, num_images = watch(Watched(lost=0.15, won=0.05), rng)
    return num_images if decision == "rolled_back" else MAX_IMAGES + 1


def _is_rolled_back(watched: Watched, rng: Rng) -> float:
    return float(watch(watched, rng)[0] == "rolled_back")


def _promotions(key: str) -> dict[str, Callable[[Rng], float]]:
    return {name: partial(situation.happens, promote) for name, situation in SITUATIONS[key].items()}


_BARS = {
    "null_promoted": 0.05,
    "worse_live_promoted": 0.01,
    "burst_promoted": 0.05,
    "worse_old_promoted": 0.01,
    "forgotten_class_promoted": 0.05,
    "forgotten_slice_promoted": 0.05,
    "poison_promoted": 0.05,
}
_LEAST = {"better_promoted": 0.80, "better_unattended": 0.90, "mended_promoted": 0.90}

CASES: dict[str, Case] = {
    **{key: Case(bar, _promotions(key)) for key, bar in _BARS.items()},
    "creep_pp": Case(2.5, {"": partial(crept, promote)}, mean, num_rounds=10),
    **{key: Case(bar, _promotions(key), is_least=True) for key, bar in _LEAST.items()},
    "labels_for_power": Case(45, {"": num_answers}, partial(quantile, share=0.8)),
    "rollback_median": Case(250, {"": _images_until_rolled_back}, partial(quantile, share=0.5)),
    "rollback_false": Case(
        0.01,
        {
            f"{200 * share:g} % differ": partial(_is_rolled_back, Watched(share, share, right=0.5))
            for share in (0.01, 0.05, 0.1)
        },
    ),
}
