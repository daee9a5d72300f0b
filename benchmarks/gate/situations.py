"""The situations that a gate is put into, and what may or must not take production there.

It calls no rule of the product, so that an earlier release's gate can be put into the same ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.gate.worlds import Answers, Rng, Users, World, burst, draw, flipped, live, with_longer, world

NUM_POOL = 1000  # 5,000 logged, one in five held out
NUM_ROUNDS_IN_LINEAGE = 12
ALL = Users()
CORRECTIONS = Users(right=0.1, wrong=1.0)
_MARGIN = 0.02  # of 1,500 golden images

#: Returns the share of the candidate that takes production, 0 where none does.
Promote = Callable[[World, Users, Rng], float]


@dataclass(frozen=True, slots=True)
class Situation:
    """A world to draw.

    Attributes:
        draw: Draws it.
        users: Who labels in it.
        min_share: A blend with less of the candidate hasn't the property that is asked about.
    """

    draw: Callable[[Rng], World]
    users: Users = ALL
    min_share: float = 0.01

    def happens(self, promote: Promote, rng: Rng) -> bool:
        """Draw a round, and return whether a version with the property took production."""
        return promote(self.draw(rng), self.users, rng) >= self.min_share


def crept(promote: Promote, rng: Rng) -> float:
    """Return the points of old lost after rounds of candidates that each truly lose .5 to 1 of them."""
    return lineage(promote, rng, (0.005, 0.01))[0]


def lineage(promote: Promote, rng: Rng, losses: tuple[float, float]) -> tuple[float, int]:
    """Return the points of old lost after rounds of candidates that each lose some, and the promotions.

    Args:
        promote: The gate.
        rng: Draws.
        losses: The least and the most that a candidate truly loses of old, fractions.
    """
    golden = draw(1500, 0.0, 0.0, rng)
    champion, lost, num_promoted = golden.champion, 0.0, 0
    for _ in range(NUM_ROUNDS_IN_LINEAGE):
        loss = float(rng.uniform(*losses))
        creeping = replace(
            _better_on_new(rng, loss=loss),
            golden=flipped(champion, -loss, 0.06, rng, 0.8 - lost),
            anchor=golden.champion,
        )
        share = promote(creeping, ALL, rng)
        champion, lost = creeping.golden.blended(share), lost + share * loss
        num_promoted += share > 0
    return 100 * lost, num_promoted


def on_live(users: Users, gain: float, differing: float, num: int = NUM_POOL) -> Situation:
    """Return a world whose candidate is better by `gain` on live images and equal on old ones."""

    def drawn(rng: Rng) -> World:
        new = live(draw(num, gain, differing, rng), users, rng)
        return with_longer(world(new, rng, gain_new=gain, differing_new=differing), gain, differing, rng)

    return Situation(drawn, users)


def _better_on_new(rng: Rng, loss: float = 0.0, differing_old: float = 0.06, num_golden: int = 1500) -> World:
    new = live(draw(NUM_POOL, 0.1, 0.16, rng), ALL, rng)
    return world(
        new,
        rng,
        gain_new=0.1,
        differing_new=0.16,
        loss=loss,
        differing_old=differing_old,
        num_golden=num_golden,
    )


def _null() -> dict[str, Situation]:
    situations = {}
    for right, wrong in ((1, 1), (0.5, 1), (0.25, 1), (0.1, 1), (0.02, 0.5)):
        for answering, where in ((0.0, "unattended"), (0.9, "attended")):
            users = Users(right, wrong, answering)
            situations[f"{right:g}/{wrong:g} {where}"] = on_live(users, 0.0, 0.1)
    return situations


def _in_bursts(num_each: int) -> Situation:
    def drawn(rng: Rng) -> World:
        new = burst(draw(NUM_POOL // num_each, 0.0, 0.1, rng), num_each, ALL, rng)
        return with_longer(world(new, rng, gain_new=0.0, differing_new=0.1), 0.0, 0.1, rng)

    return Situation(drawn)


def _forgetting_a_class(num_classes: int, num_each: int) -> Situation:
    def without_class(answers: Answers) -> Answers:
        labels = np.arange(len(answers)) % num_classes
        return replace(answers, labels=labels).losing(labels == 3)

    def drawn(rng: Rng) -> World:
        base = _better_on_new(rng, num_golden=num_classes * num_each, differing_old=0.03)
        return replace(
            base,
            golden=without_class(base.golden),
            validation_old=without_class(base.validation_old),
            forgotten=(3,),
            num_classes=num_classes,
        )

    return Situation(drawn, min_share=0.5)


def _forgetting_a_slice(rng: Rng) -> World:
    slices = [draw(100, 0.0, 0.03, rng) for _ in range(8)]
    slices[3] = slices[3].losing(rng.random(100) < 0.3 / 0.8)
    return replace(_better_on_new(rng), slices=tuple(slices))


def _poisoned(share: float) -> Situation:
    def drawn(rng: Rng) -> World:
        is_poisoned = rng.random(NUM_POOL) < share
        honest = draw(NUM_POOL, 0.0, 0.1, rng)
        answers = replace(
            honest, champion=honest.champion & ~is_poisoned, candidate=honest.candidate | is_poisoned
        )
        others = rng.choice(np.array(["ann", "ben", "eve"], dtype=object), NUM_POOL)
        new = live(answers, ALL, rng, np.where(is_poisoned, "mallory", others))
        return world(new, rng, gain_new=share, differing_new=0.1 + share)

    return Situation(drawn)


def _mending(rng: Rng) -> World:
    new = live(draw(130, 0.45, 0.55, rng, accuracy=0.1), ALL, rng)
    return world(new, rng, gain_new=0.45, differing_new=0.55, loss=0.01, num_golden=320, accuracy_new=0.1)


#: By key of a figure, and in it by name; the worst of a key counts.
SITUATIONS: Mapping[str, Mapping[str, Situation]] = {
    "null_promoted": _null(),
    "worse_live_promoted": {"": on_live(CORRECTIONS, -0.04, 0.1)},
    "burst_promoted": {f"{num} together": _in_bursts(num) for num in (1, 2, 5, 10)},
    "worse_old_promoted": {
        "": Situation(lambda rng: _better_on_new(rng, loss=0.03), min_share=_MARGIN / 0.03 + 1e-9)
    },
    "forgotten_class_promoted": {
        f"{num} of {each}": _forgetting_a_class(num, each)
        for num, each in ((20, 15), (50, 15), (100, 10), (1000, 5))
    },
    "forgotten_slice_promoted": {"": Situation(_forgetting_a_slice, min_share=0.5)},
    "poison_promoted": {f"{100 * share:g} %": _poisoned(share) for share in (0.08, 0.12, 0.2, 0.3)},
    "better_promoted": {"": on_live(ALL, 0.1, 0.16, num=150)},
    "better_unattended": {"": on_live(CORRECTIONS, 0.05, 0.1)},
    "mended_promoted": {"": Situation(_mending)},
}
