"""How strict the gate is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The gate's limits; fractions, not points.

    Attributes:
        alpha: Chance of one wrong promotion a round, over all its candidates.
        max_candidates: Candidates that a round may show; each is tested at alpha / max_candidates.
        max_class_drop: A class is lost above this drop, where it is significant too.
        max_negative_flips: Share of old answers that may turn from right to wrong.
        max_calibration_rise: Rise of the expected calibration error, after temperature scaling, that refuses.
        min_calibration: Samples from which calibration refuses; with fewer it is only reported.
        min_direct: Direct samples from which they alone decide; with fewer, volunteered ones are weighted. A
            fifth of 500 samples is 100 give or take 9, so that a round at 500 has as many.
        min_direct_right: Direct samples that production must have got right: with fewer, what the candidate
            loses was not measured.
        min_confirmations: Samples that production got right, needed to weight.
        min_agreement: Logged predictions needed to judge a champion without a golden set.
        min_worth: A candidate is rejected where it can't be better on new by this much.
        hoped_gain: The true gain for which a verdict states its power.
        num_draws: Random draws of the test that weights new samples, at least.
    """

    alpha: float = 0.05
    max_candidates: int = 3
    max_class_drop: float = 0.05
    max_negative_flips: float = 0.05
    max_calibration_rise: float = 0.03
    min_calibration: int = 1000
    min_direct: int = 75
    min_direct_right: int = 5
    min_confirmations: int = 30
    min_agreement: int = 300
    min_worth: float = 0.01
    hoped_gain: float = 0.05
    num_draws: int = 20_000

    def alpha_new(self, num_earlier_verdicts: int) -> float:
        """Return the level of the test on new, halved with every earlier verdict on the same samples."""
        return self.alpha / self.max_candidates / 2.0**num_earlier_verdicts
