from collections.abc import Callable

import numpy as np
import pytest

from monitoring.drift.observations import Observations

NUM_CLASSES = 4
Draw = Callable[..., Observations]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def draw(rng: np.random.Generator) -> Draw:
    """Draws images of four classes; one class, or all, may be moved, or have another share."""
    centres = np.random.default_rng(1).standard_normal((NUM_CLASSES, 16)) * 2

    def drawn(
        num: int, *, moved: float = 0.0, only: int | None = None, shares: tuple[float, ...] | None = None
    ) -> Observations:
        labels = rng.choice(NUM_CLASSES, num, p=shares)
        rows = centres[labels] + rng.standard_normal((num, 16))
        rows[(labels == only) | (only is None)] += moved
        return Observations(rows.astype(np.float32), labels, rng.random(num).astype(np.float32))

    return drawn
