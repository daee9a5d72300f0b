"""How strict the gate is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The gate's limits; fractions, not points.

    Attributes:
        alpha_first: Chance that a round's first candidate passes on new without being better.
        alpha_second: The same of its second; together they are what a round may err.
        alpha_sources: The level that must hold without any one source of labels.
        alpha: Level of the tests and bounds on old samples; no correction, since all must hold.
        alpha_anchor: Level of the bound against the lineage's anchor. At 5 % equal versions that drifted
            apart are refused half the time.
        min_differing: Share of new images on which the two must differ; below, nothing is worth a swap.
        min_worth: A candidate is rejected where it can't be better on new by this much.
        min_sources: Sources of labels from which none may decide alone.
        min_source_labels: Labels from which a source is left out to see whether it decides alone.
        max_class_drop: A class is lost above this drop, where it is significant too.
        class_error_rate: Share of wrong ones among the classes that are said to be lost (q).
        min_doubtful_losses: Answers lost, less those won, from which a class is asked on learnt images too.
        thin_class: Golden images below which a class is named as thin.
        max_negative_flips: Share of old answers that may turn from right to wrong.
        max_calibration_rise: Rise of the expected calibration error, after temperature scaling, that refuses.
        min_calibration: Samples from which calibration refuses; with fewer it is only reported.
        min_agreement: Logged predictions needed to judge a champion without a golden set.
        min_class_held_out: Held-out images from which the gate judges a new class itself.
        min_recall: Share of a new class's images that must be found, as a lower bound.
        max_taken: Share of old images that may be taken for a new class, as an upper bound.
        min_old_for_taken: Old images from which `max_taken` is asked; with fewer it is half the margin.
    """

    alpha_first: float = 0.03
    alpha_second: float = 0.02
    alpha_sources: float = 0.06
    alpha: float = 0.05
    alpha_anchor: float = 0.1
    min_differing: float = 0.01
    min_worth: float = 0.01
    min_sources: int = 3
    min_source_labels: int = 5
    max_class_drop: float = 0.05
    class_error_rate: float = 0.1
    min_doubtful_losses: int = 2
    thin_class: int = 12
    max_negative_flips: float = 0.05
    max_calibration_rise: float = 0.03
    min_calibration: int = 1000
    min_agreement: int = 300
    min_class_held_out: int = 12
    min_recall: float = 0.3
    max_taken: float = 0.01
    min_old_for_taken: int = 500

    def alpha_new(self, attempt: int) -> float:
        """Return the level of the test on new for a round's first (1) or second (2) candidate."""
        return self.alpha_first if attempt == 1 else self.alpha_second
