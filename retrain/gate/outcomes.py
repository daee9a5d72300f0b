"""What champion and candidate answered on the same images: all that the gate measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retrain.gate.errors import OutcomesError

#: The slice of a champion without a golden set: its labels are the champion's own answers.
AGREEMENT: Final = "agreement"
#: A label that nobody gave yet.
UNLABELLED: Final = -1
#: A person looked, and found that neither answer is right.
NEITHER: Final = -2
#: An answer that is no number (NaN).
NO_ANSWER: Final = -3


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Right or wrong, for two models on the same samples.

    Attributes:
        champion_right: Shape (n,), whether production answered each sample rightly.
        candidate_right: Shape (n,), the same of the candidate.
        labels: Shape (n,), class indices.
        slice: Where the samples come from: "golden-1", a round's slice, `AGREEMENT`.
        num_not_finite: Samples for which the candidate gave NaN or infinite logits.

    Raises:
        OutcomesError: The arrays differ in length.
    """

    champion_right: NDArray[np.bool_]
    candidate_right: NDArray[np.bool_]
    labels: NDArray[np.int64]
    slice: str
    num_not_finite: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.champion_right), len(self.candidate_right), len(self.labels)}
        if len(lengths) > 1:
            raise OutcomesError(
                f"Slice {self.slice!r}: champion, candidate and labels must be of the same samples; got "
                f"{len(self.champion_right)}, {len(self.candidate_right)} and {len(self.labels)} of them."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Shape (n,), negative flips: right before, wrong now."""
        return self.champion_right & ~self.candidate_right

    @property
    def won(self) -> NDArray[np.bool_]:
        """Shape (n,), positive flips: wrong before, right now."""
        return ~self.champion_right & self.candidate_right

    @property
    def num_lost(self) -> int:
        """How many are lost, b."""
        return int(np.sum(self.lost))

    @property
    def num_won(self) -> int:
        """How many are won, c."""
        return int(np.sum(self.won))

    @property
    def champion_accuracy(self) -> float | None:
        """A fraction; None of no samples."""
        return float(np.mean(self.champion_right)) if len(self) else None

    @property
    def candidate_accuracy(self) -> float | None:
        """A fraction; None of no samples."""
        return float(np.mean(self.candidate_right)) if len(self) else None

    def of_class(self, label: int) -> "Outcomes":
        """Return the outcomes of one class's samples."""
        is_own = self.labels == label
        return Outcomes(
            self.champion_right[is_own], self.candidate_right[is_own], self.labels[is_own], self.slice
        )


def no_outcomes(slice: str) -> Outcomes:
    """Return the outcomes of no samples."""
    return Outcomes(np.zeros(0, np.bool_), np.zeros(0, np.bool_), np.zeros(0, np.int64), slice)


def pool(outcomes: Sequence[Outcomes], slice: str) -> Outcomes:
    """Return all outcomes as those of one slice."""
    if not outcomes:
        return no_outcomes(slice)
    return Outcomes(
        np.concatenate([each.champion_right for each in outcomes]),
        np.concatenate([each.candidate_right for each in outcomes]),
        np.concatenate([each.labels for each in outcomes]),
        slice,
        sum(each.num_not_finite for each in outcomes),
    )


@dataclass(frozen=True, slots=True)
class OldEvidence:
    """What must not be lost.

    Attributes:
        golden: On the golden set; without samples where the champion has none, such as a starter.
        slices: On the holdout of each promoted round.
        anchor: On the golden set, with the lineage's anchor in the champion's place; None where the anchor
            is the champion.
        agreement: For a champion without a golden set: on logged images, its own answers being the labels.
        learnt: Class → outcomes on images that were learnt, of the classes in doubt.
        num_taken: Old images that production answers rightly and the candidate with a class that production
            does not know.
    """

    golden: Outcomes
    slices: tuple[Outcomes, ...] = ()
    anchor: Outcomes | None = None
    agreement: Outcomes | None = None
    learnt: Mapping[int, Outcomes] = field(default_factory=dict)
    num_taken: int = 0

    @property
    def parts(self) -> list[Outcomes]:
        """Every set with samples, each as one slice."""
        known = [self.golden, *self.slices, *([self.agreement] if self.agreement is not None else [])]
        return [part for part in known if len(part)]

    @property
    def all_old(self) -> Outcomes:
        """All of it as one slice; `AGREEMENT` where the champion's own answers are among the labels."""
        return pool(self.parts, "old" if self.agreement is None else AGREEMENT)


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What champion and candidate answered on a fair draw of new images, and the labels that there are.

    Attributes:
        champion: Shape (n,), the class that production answered, or `NO_ANSWER`.
        candidate: Shape (n,), the same of the candidate.
        labels: Shape (n,), the right class, `UNLABELLED` or `NEITHER`.
        sources: Who gave each label; None where nobody did.
        origin: "pool" for images that were predicted, "direct" for those that came with their label.
        learnt_from: The main sources of what the candidate learnt.
        trusted: Sources whose labels are authoritative.

    Raises:
        OutcomesError: They differ in length.
    """

    champion: NDArray[np.int64]
    candidate: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: tuple[str | None, ...]
    origin: Literal["pool", "direct"] = "pool"
    learnt_from: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.champion, self.candidate, self.labels, self.sources)}
        if len(lengths) > 1:
            raise OutcomesError(f"Expected answers, labels and sources of the same images, got {lengths}.")

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, is_chosen: NDArray[np.bool_]) -> "NewEvidence":
        """Return the evidence of some of the images."""
        return replace(
            self,
            champion=self.champion[is_chosen],
            candidate=self.candidate[is_chosen],
            labels=self.labels[is_chosen],
            sources=tuple(compress(self.sources, is_chosen.tolist())),
        )

    def without(self, source: str) -> "NewEvidence":
        """Return the evidence without the images that a source labelled."""
        return self.chosen(np.array([each != source for each in self.sources], dtype=np.bool_))

    def where_they_differ(self) -> "NewEvidence":
        """Return the evidence of the images on which the two differ: all that decides."""
        return self.chosen(self.champion != self.candidate)

    def tally(self) -> "Tally":
        """Count where the two differ, and who was right there."""
        differs = self.champion != self.candidate
        return Tally(
            num_images=len(self),
            num_differing=int(differs.sum()),
            num_won=int((differs & (self.labels == self.candidate)).sum()),
            num_lost=int((differs & (self.labels == self.champion)).sum()),
            num_open=int((differs & (self.labels == UNLABELLED)).sum()),
        )

    def answered(self) -> Outcomes:
        """Return the outcomes on the images that have a label, for what is shown beside the verdict."""
        is_labelled = self.labels >= 0
        labels = self.labels[is_labelled]
        return Outcomes(
            self.champion[is_labelled] == labels, self.candidate[is_labelled] == labels, labels, "new"
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of new images: all, those on which the two differ, and of these won, lost and unlabelled.

    The rest of those that differ are images where neither is right; they count for nothing.
    """

    num_images: int
    num_differing: int
    num_won: int
    num_lost: int
    num_open: int


def no_new_evidence() -> NewEvidence:
    """Return the evidence of no images."""
    nothing = np.zeros(0, np.int64)
    return NewEvidence(nothing, nothing, nothing, ())


@dataclass(frozen=True, slots=True)
class CalibrationPair:
    """Expected calibration errors of champion and candidate on the same samples, fractions."""

    champion: float
    candidate: float
    num_samples: int

    @property
    def rise(self) -> float:
        """How much worse the candidate's is; NaN where either is."""
        return self.candidate - self.champion
