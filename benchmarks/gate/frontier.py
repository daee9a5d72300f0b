"""What the limits that were chosen cost, beside stricter and laxer ones."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.gate.cases import num_answers
from benchmarks.gate.figures import quantile
from benchmarks.gate.rounds import SimulatedRound
from benchmarks.gate.situations import NUM_ROUNDS_IN_LINEAGE, SITUATIONS, lineage
from benchmarks.gate.worlds import Rng, Users, World
from retrain.gate.settings import GateSettings

_LOSING, _EQUAL = (0.005, 0.01), (0.0, 0.0)


def frontier(num_rounds: int, seed: int) -> list[dict[str, Any]]:
    """Return rows of a limit, its value, and the figures that it moves against each other."""
    rng = np.random.default_rng(seed)
    return [
        *({"limit": "anchor", "value": alpha} | row for alpha, row in _anchors(num_rounds, rng)),
        *({"limit": "questions", "value": num} | row for num, row in _questions(num_rounds, rng)),
        *({"limit": "classes", "value": q} | row for q, row in _classes(num_rounds, rng)),
    ]


def _promote(settings: GateSettings, world: World, users: Users, rng: Rng) -> float:
    return SimulatedRound(world, users, rng, settings).run().share


def _anchors(num_rounds: int, rng: Rng) -> Iterator[tuple[float, dict[str, float]]]:
    num = max(10, num_rounds // 5)
    for alpha in (0.05, 0.1, 0.15, 0.2):
        promote = partial(_promote, GateSettings(alpha_anchor=alpha))
        lost = [lineage(promote, rng, _LOSING)[0] for _ in range(num)]
        equal = [lineage(promote, rng, _EQUAL)[1] / NUM_ROUNDS_IN_LINEAGE for _ in range(num)]
        yield alpha, {"creep_pp": float(np.mean(lost)), "equal_on_old_promoted": float(np.mean(equal))}


def _questions(num_rounds: int, rng: Rng) -> Iterator[tuple[int, dict[str, float]]]:
    unattended = SITUATIONS["better_unattended"][""]
    for num in (25, 40, 60):
        answers = [num_answers(rng, num) for _ in range(num_rounds)]
        promoted = [
            SimulatedRound(unattended.draw(rng), unattended.users, rng, max_questions=num).run().share > 0
            for _ in range(num_rounds)
        ]
        yield (
            num,
            {
                "labels_for_power": quantile(answers, 0.8).value,
                "better_unattended": float(np.mean(promoted)),
            },
        )


def _classes(num_rounds: int, rng: Rng) -> Iterator[tuple[float, dict[str, float]]]:
    forgetting = SITUATIONS["forgotten_class_promoted"].values()
    better = SITUATIONS["better_promoted"][""]
    for rate in (0.05, 0.1, 0.2):
        promote = partial(_promote, GateSettings(class_error_rate=rate))
        forgotten = [np.mean([each.happens(promote, rng) for _ in range(num_rounds)]) for each in forgetting]
        promoted = np.mean([better.happens(promote, rng) for _ in range(num_rounds)])
        yield rate, {"forgotten_class_promoted": float(max(forgotten)), "better_promoted": float(promoted)}
