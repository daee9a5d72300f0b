"""The table of days until a gain is proven, computed with the gate's own power."""

import math

from docs.generator.tables import put_between, table
from retrain.evidence.pool import MAX_IMAGES
from retrain.gate.mcnemar import power
from retrain.gate.settings import GateSettings

BEGIN, END = "<!-- days until proof: make reference -->", "<!-- end of days until proof -->"

# Gain on new images, and the share of them on which production and candidate differ.
_CANDIDATES = ((0.05, 0.10), (0.10, 0.16), (0.20, 0.26))
_ANSWERED = {1.0: "all", 0.9: "nine in ten"}
_IMAGES_A_DAY = (20, 50, 100, 500, 2000)
_HELD_OUT = 0.2
_POWER = 0.8


def put_into(page: str) -> str:
    """Return the page with the table between its marks written anew."""
    return put_between(page, BEGIN, END, lines())


def lines() -> list[str]:
    """Return the lines of the table."""
    columns = ("better by", "differ on", "answered", *(f"{num:,} a day" for num in _IMAGES_A_DAY))
    rows = [
        (f"{100 * gain:.0f} points", f"{100 * differing:.0f} %", words, *_days(gain, differing, answered))
        for gain, differing in _CANDIDATES
        for answered, words in _ANSWERED.items()
    ]
    return table(columns, rows)


def images_until_proof(gain: float, differing: float, answered: float) -> int:
    """Return how many held-out images prove four of five candidates better.

    Args:
        gain: How much more often the candidate is truly right, a fraction.
        differing: On which share of the images just one of the two is right.
        answered: Share of its wins that get a label; one without counts as lost.

    >>> images_until_proof(0.10, 0.16, 1.0)
    114
    """
    alpha = GateSettings().alpha_new(1)
    sizes = range(1, MAX_IMAGES + 1)
    return next(size for size in sizes if power(gain, differing, size, alpha, answered) >= _POWER)


def _days(gain: float, differing: float, answered: float) -> list[int]:
    num_images = images_until_proof(gain, differing, answered)
    return [math.ceil(num_images / (_HELD_OUT * num)) for num in _IMAGES_A_DAY]
