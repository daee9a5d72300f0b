"""Measure how often the gate is wrong, on simulated rounds with known truth.

python -m benchmarks.gate_simulation [--rounds 1000] [--seed 0] [--output FILE]
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gate_bounds import BOUNDS, coverage, equals_pass_old
from retrain.gate.gate import judge
from retrain.gate.mcnemar import power
from retrain.gate.old_evidence import margin_for
from retrain.gate.outcomes import NewEvidence, Outcomes, no_outcomes
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict

CLASS_NAMES = tuple(f"class {index}" for index in range(10))


def draw(
    num: int,
    accuracy: float,
    gain: float,
    disagreement: float,
    rng: np.random.Generator,
    slice: str = "direct",
) -> Outcomes:
    """Draw outcomes of production and of a candidate truly better by `gain`."""
    champion = rng.random(num) < accuracy
    lost, won = (disagreement - gain) / 2 / accuracy, (disagreement + gain) / 2 / (1 - accuracy)
    flips = rng.random(num) < np.where(champion, lost, won)
    return Outcomes(champion, champion ^ flips, rng.integers(0, len(CLASS_NAMES), num), slice)


def labelled(outcomes: Outcomes, right: float, wrong: float, rng: np.random.Generator) -> Outcomes:
    """Draw the outcomes that users label, at a rate that depends on whether production was right."""
    is_labelled = rng.random(len(outcomes)) < np.where(outcomes.champion_right, right, wrong)
    return Outcomes(
        outcomes.champion_right[is_labelled],
        outcomes.candidate_right[is_labelled],
        outcomes.labels[is_labelled],
        "volunteered",
    )


def verdict(
    old: Outcomes, new: NewEvidence, rng: np.random.Generator, settings: GateSettings | None = None
) -> Verdict:
    """Judge one simulated candidate."""
    return judge(
        [old],
        new,
        margin=margin_for(len(old)),
        num_earlier_verdicts=0,
        calibration=None,
        class_names=CLASS_NAMES,
        settings=settings or GateSettings(),
        rng=rng,
    )


def harmless_old(num: int = 1500) -> Outcomes:
    """Return old outcomes on which candidate and production are the same."""
    right = np.arange(num) % 10 < 8
    return Outcomes(right, right.copy(), np.arange(num) // 10 % len(CLASS_NAMES), "golden-1")


def decisions(make: Callable[[], Verdict], rounds: int) -> dict[str, float]:
    """Return the rate of each decision."""
    made = [make().decision for _ in range(rounds)]
    return {name: made.count(name) / rounds for name in ("passed", "rejected", "inconclusive")}


def corrections_only(
    rounds: int, rng: np.random.Generator, num: int = 400, is_direct: bool = False
) -> dict[str, float]:
    """Judge an equal candidate (8 % disagreement) on labels where production was wrong only.

    With `is_direct` the users send these images anew with a label, instead of labelling their predictions.
    """
    old, nothing = harmless_old(), no_outcomes("none")

    def one() -> Verdict:
        labels = labelled(draw(num, 0.7, 0.0, 0.08, rng), 0.0, 1.0, rng)
        new = NewEvidence(labels, nothing, 0.7) if is_direct else NewEvidence(nothing, labels, 0.7)
        return verdict(old, new, rng)

    return decisions(one, rounds)


def mixed_feedback(
    rounds: int,
    rng: np.random.Generator,
    gain: float = 0.0,
    disagreement: float = 0.08,
    num: int = 600,
    num_audited: int | None = 60,
    settings: GateSettings | None = None,
) -> dict[str, float]:
    """Judge on volunteered labels of every second mistake and every tenth right answer, with audits."""
    old, nothing = harmless_old(), no_outcomes("none")

    def one() -> Verdict:
        labels = labelled(draw(num, 0.7, gain, disagreement, rng), 0.1, 0.5, rng)
        live = 0.7 if num_audited is None else rng.binomial(num_audited, 0.7) / num_audited
        return verdict(old, NewEvidence(nothing, labels, live, num_audited), rng, settings)

    return decisions(one, rounds)


def any_of_three(rounds: int, rng: np.random.Generator, num: int = 130) -> float:
    """Return how often one of three equal candidates of a round passes on direct samples."""
    old, nothing = harmless_old(), no_outcomes("none")

    def passes() -> bool:
        return verdict(old, NewEvidence(draw(num, 0.6, 0.0, 0.2, rng), nothing), rng).decision == "passed"

    return sum(any(passes() for _ in range(3)) for _ in range(rounds)) / rounds


def better_on_new(
    rounds: int, rng: np.random.Generator, gain: float = 0.1, num: int = 130, disagreement: float = 0.16
) -> dict[str, float]:
    """Judge a candidate that is better by `gain` on direct samples and equal on old ones."""
    old, nothing = harmless_old(), no_outcomes("none")
    return decisions(
        lambda: verdict(old, NewEvidence(draw(num, 0.6, gain, disagreement, rng), nothing), rng), rounds
    )


def on_old(
    rounds: int, rng: np.random.Generator, loss: float = 0.0, num: int = 1500, disagreement: float = 0.06
) -> dict[str, float]:
    """Judge a candidate that is far better on new and lost `loss` on old."""
    nothing = no_outcomes("none")

    def one() -> Verdict:
        new = NewEvidence(draw(130, 0.4, 0.3, 0.35, rng), nothing)
        return verdict(draw(num, 0.8, -loss, disagreement, rng, "golden-1"), new, rng)

    return decisions(one, rounds)


def one_class_forgotten(rounds: int, rng: np.random.Generator, num: int = 1500) -> dict[str, float]:
    """Judge a candidate that lost half of one class and won as much on the others."""
    nothing, num_named, num_alone = no_outcomes("none"), 0, 0
    for _ in range(rounds):
        old = draw(num, 0.8, 0.0, 0.02, rng, "golden-1")
        forgotten = (old.labels == 3) & (rng.random(num) < 0.5)
        won = ~old.champion_right & (old.labels != 3) & (rng.random(num) < 0.25)
        old = Outcomes(old.champion_right, (old.candidate_right & ~forgotten) | won, old.labels, old.slice)
        judged = verdict(old, NewEvidence(draw(130, 0.4, 0.3, 0.35, rng), nothing), rng)
        num_named += judged.decision == "rejected" and "class 3" in judged.sentence
        num_alone += judged.lost_classes == ("class 3",)
    return {"rejected_and_named": num_named / rounds, "no_other_named": num_alone / rounds}


def measure(rounds: int, seed: int) -> dict[str, Any]:
    """Return all rates, each from its own generator."""

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    return {
        "equal_candidate": {
            "corrections_only": corrections_only(rounds, rng()),
            "corrections_only_sent_as_direct": corrections_only(rounds, rng(), is_direct=True),
            "mixed_feedback_60_audits": mixed_feedback(rounds, rng()),
            "mixed_feedback_calibrated": mixed_feedback(rounds, rng(), num_audited=None),
            "mixed_feedback_20_percent_disagreement": mixed_feedback(rounds, rng(), disagreement=0.2),
            "any_of_three_on_130_direct": any_of_three(rounds, rng()),
            "on_old_320": on_old(rounds, rng(), num=320),
            "on_old_1500": on_old(rounds, rng(), num=1500),
            "within_margin_on_old_exact": {
                str(num): {name: round(equals_pass_old(num, bound), 4) for name, bound in BOUNDS.items()}
                for num in (320, 600, 1500)
            },
        },
        "better_candidate": {
            "new_plus_10_points_130_direct": better_on_new(rounds, rng()),
            "new_plus_10_points_130_direct_exact_power": round(power(0.1, 0.16, 130, 0.05 / 3), 4),
            "new_plus_10_points_130_direct_25_percent_disagreement": better_on_new(
                rounds, rng(), disagreement=0.25
            ),
            "new_plus_20_points_130_direct": better_on_new(rounds, rng(), gain=0.2, disagreement=0.3),
            "mixed_feedback_plus_15_points": mixed_feedback(rounds, rng(), gain=0.15, disagreement=0.2),
        },
        "worse_candidate": {
            "old_minus_5_points_1500": on_old(rounds, rng(), loss=0.05, disagreement=0.09),
            "old_minus_margin_1500": on_old(rounds, rng(), loss=margin_for(1500)),
            "one_class_half_forgotten_1500": one_class_forgotten(rounds, rng()),
            "new_no_better_1000_direct": better_on_new(rounds, rng(), gain=0.0, num=1000, disagreement=0.06),
        },
        "bound_error_where_5_percent_is_meant": coverage(),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/gate-simulation.json"))
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    rates = measure(options.rounds, options.seed)
    git = ["git", "rev-parse", "--short", "HEAD"]
    results = {
        "command": f"python -m benchmarks.gate_simulation --rounds {options.rounds} --seed {options.seed}",
        "commit": subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": version("scipy"),
        "rounds": options.rounds,
        "seconds": round(time.perf_counter() - started, 1),
        "rates": rates,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    json.dump(results["rates"], sys.stdout, indent=2)


if __name__ == "__main__":
    main()
