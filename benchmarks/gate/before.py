"""Puts the gate of commit 212ce91 into the same situations.

python -m benchmarks.gate.before FOLDER ROUNDS SEED

Its own `judge` and `next_cure` decide, imported from the folder that holds its files.
"""

import importlib
import json
import sys
from types import ModuleType

import numpy as np

from benchmarks.gate.situations import SITUATIONS, Promote, crept
from benchmarks.gate.worlds import Answers, Flags, Live, Rng, Users, World

# Of its held-out predictions: 5 % are drawn for an audit, of which half are held out; a fifth of the others.
_DRAWN = 0.05 * 0.5 / (0.05 * 0.5 + 0.95 * 0.2)
_MIN_AUDITS = 30


class EarlierGate:
    """Judges as that commit does: all of the candidate first, then half of it where its cure is tried.

    Args:
        gate: Its module `retrain.gate`.
        cures: Its module `retrain.cures`.
    """

    def __init__(self, gate: ModuleType, cures: ModuleType) -> None:
        self._gate = gate
        self._cures = cures

    def promote(self, world: World, users: Users, rng: Rng) -> float:
        """Return the share of the candidate that takes production, 0 where none does."""
        is_drawn = rng.random(len(world.new)) < _DRAWN
        tried: list[str] = []
        for share in (1.0, 0.5):
            verdict = self._gate.judge(
                [self._outcomes(part, share) for part in (world.golden, *world.slices)],
                self._new(world.new, is_drawn, share),
                margin=self._gate.margin_for(len(world.golden)),
                looks=0,
                calibration=None,
                class_names=[str(number) for number in range(world.num_classes)],
                settings=self._gate.GateSettings(),
                rng=rng,
            )
            if verdict.decision == "passed":
                return share
            cure = self._cures.next_cure(verdict, tried)
            if cure is None:
                break
            tried.append(cure)
        return 0.0

    def _new(self, new: Live, is_drawn: Flags, share: float) -> object:
        # Any label on a drawn prediction is an audit there, whoever chose to give it.
        audited, volunteered = (
            new.answers.chosen(new.is_labelled & is_own) for is_own in (is_drawn, ~is_drawn)
        )
        # As many audits again are learnt, and count for the accuracy.
        is_counted = 2 * len(audited) >= _MIN_AUDITS
        counted = audited if is_counted else new.answers
        return self._gate.NewEvidence(
            self._outcomes(audited, share),
            self._outcomes(volunteered, share),
            float(np.mean(counted.champion)),
            len(audited) if is_counted else None,
        )

    def _outcomes(self, answers: Answers, share: float) -> object:
        return self._gate.Outcomes(answers.champion, answers.blended(share), answers.labels, f"{id(answers)}")


def figures(promote: Promote, num_rounds: int, seed: int) -> dict[str, float]:
    """Return the figures of all cases that it can be put into."""
    rng = np.random.default_rng(seed)
    worst = {}
    for key, situations in SITUATIONS.items():
        # It has no queue: nobody can attend it.
        rates = [
            float(np.mean([situation.happens(promote, rng) for _ in range(num_rounds)]))
            for situation in situations.values()
            if not situation.users.answering
        ]
        worst[key] = max(rates)
    num_lineages = max(20, num_rounds // 10)
    worst["creep_pp"] = float(np.mean([crept(promote, rng) for _ in range(num_lineages)]))
    return worst


def main() -> None:
    """Print the figures as JSON."""
    folder, num_rounds, seed = sys.argv[1:]
    sys.path.insert(0, folder)
    earlier = EarlierGate(importlib.import_module("retrain.gate"), importlib.import_module("retrain.cures"))
    print(json.dumps(figures(earlier.promote, int(num_rounds), int(seed))))


if __name__ == "__main__":
    main()
