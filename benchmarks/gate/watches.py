"""Simulated watches over what was promoted, through the rule that the product calls."""

from dataclasses import dataclass

import numpy as np

from benchmarks.gate.worlds import Rng
from retrain.watch.rule import MAX_IMAGES, Decision, Tally, decide


@dataclass(frozen=True, slots=True)
class Watched:
    """A promotion whose truth is known; all are shares.

    Attributes:
        lost: Of the images, those that only the predecessor answers rightly.
        won: Those that only production answers rightly.
        right: Of the latter, those that get a label; all of the former do.
    """

    lost: float
    won: float
    right: float = 1.0


def watch(watched: Watched, rng: Rng) -> tuple[Decision, int]:
    """Return how a watch ends, and after how many images."""
    drawn = rng.random(MAX_IMAGES)
    is_labelled = rng.random(MAX_IMAGES) < watched.right
    num_lost = num_won = num_open = 0
    # Between two differences the same counts stand on more images, which decides nothing.
    for index in np.flatnonzero(drawn < watched.lost + watched.won).tolist():
        if drawn[index] < watched.lost:
            num_lost += 1
        elif is_labelled[index]:
            num_won += 1
        else:
            num_open += 1
        decision = decide(Tally(index + 1, num_lost, num_won, num_open))
        if decision != "watching":
            return decision, index + 1
    return decide(Tally(MAX_IMAGES, num_lost, num_won, num_open)), MAX_IMAGES
