"""Says what moved in a stream: the class mix or the looks, in which classes, since when, by which images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.class_mix import ClassMix, excess_of, find_class_mix
from monitoring.drift.observations import Observations
from monitoring.drift.odd_rows import MIN_ROWS, OddRows, find_odd_rows
from monitoring.drift.residuals import fit_residuals
from monitoring.drift.whitening import fit_whitening
from monitoring.errors import TooFewEmbeddingsError

Kind = Literal["class_mix", "looks"]
Indices = NDArray[np.int64]
Values = NDArray[np.floating]

NUM_WITNESSES = 20
# An image is a witness only if it is rather surely of the drifted kind.
_SURE = 0.8
# In standard deviations: a class that lost so many of its usual-looking images is named.
_NOTICEABLE = 2.0
# Of the highest excess: a class that has so much is named too.
_CLEARLY = 0.6
# Of the rows: where so few are odd, it is likely one class, and the likeliest one is named.
_FEW = 0.25
_MIN_CLASS_ROWS = 5
_NUM_GROUPS = 5


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved.

    Attributes:
        kind: "class_mix" where classes come in other shares and look as before within, else "looks".
        classes: Class indices that moved, most moved first. Of looks: those whose images look otherwise,
            empty where it is no class in particular.
        since: The first of the recent rows after the change.
        witness: At most 20 recent rows that made it most, different ones first; fewer where few are sure.
        nearest: For each of them the reference's row that is most like it.
        figures: Of the reasoning: gains in nats, the share of odd rows, rows since the change.
    """

    kind: Kind
    classes: tuple[int, ...]
    since: int
    witness: tuple[int, ...]
    nearest: tuple[int, ...]
    figures: dict[str, float]


class Explainer:
    """Explains signals against one reference.

    Two explanations compete: that classes come in other shares, and that a group of images looks otherwise
    than its predicted classes do in the reference. Each is learnt on some rows and must tell others from the
    reference; the one that does it better is given.
    """

    def __init__(self, reference: Observations, num_classes: int, num_directions: int) -> None:
        self._reference = reference
        self._num_classes = num_classes
        self._whitening = fit_whitening(reference.embeddings, num_directions)
        self._whitened = self._whitening.apply(reference.embeddings)
        # Twice as many: there is no threshold here that more directions would raise.
        self._residuals = fit_residuals(reference, num_classes, 2 * num_directions)
        counts = np.bincount(reference.labels, minlength=num_classes) + 1 / num_classes
        self._usual = counts / counts.sum()

    def explain(self, recent: Observations, begin: int) -> Explanation:
        """Explain what is otherwise in the last rows.

        Args:
            recent: The last rows, oldest first: those of the signal's window, and what came before and after.
            begin: The window's first row. The change is looked for from here on first, then around it.

        Raises:
            TooFewEmbeddingsError: There are fewer than 20 recent rows.
        """
        if len(recent) < MIN_ROWS:
            raise TooFewEmbeddingsError(
                f"Expected {MIN_ROWS} recent images at least to explain; got {len(recent)}. Wait for more."
            )
        begin = int(np.clip(begin, 0, len(recent) - MIN_ROWS))
        mix = find_class_mix(self._reference.labels, recent.labels, self._num_classes, begin)
        left = self._residuals.apply(recent)
        odd = find_odd_rows(self._residuals.reference, left, _groups(left, recent.labels, begin), begin)
        if odd.gain > mix.gain:
            return self._looks(recent, odd, mix)
        return self._class_mix(recent, odd, mix)

    def _looks(self, recent: Observations, odd: OddRows, mix: ClassMix) -> Explanation:
        usual_looking = 1 - odd.probabilities[odd.since :]
        excess = excess_of(
            recent.labels[odd.since :], self._usual, len(self._reference), weights=usual_looking
        )
        scores = np.where(np.arange(len(recent)) >= odd.since, odd.probabilities, 0)
        most = round(odd.share * (len(recent) - odd.since))
        missing = tuple(int(each) for each in np.argsort(excess) if excess[each] <= -_NOTICEABLE)
        if not missing and odd.share < _FEW:
            missing = (int(excess.argmin()),)
        return self._explanation("looks", missing, odd.since, recent, scores, most, odd, mix)

    def _class_mix(self, recent: Observations, odd: OddRows, mix: ClassMix) -> Explanation:
        moved = np.argsort(-np.abs(mix.excess))
        highest = float(mix.excess.max())
        more = [int(each) for each in moved if mix.excess[each] >= max(_CLEARLY * highest, 1e-9)]
        less = [int(each) for each in moved if mix.excess[each] <= -_NOTICEABLE]
        named = (*more, *less) if highest > 0 else tuple(less)
        after = np.arange(len(recent)) >= mix.since
        is_witness = after & np.isin(recent.labels, more)
        # The surest answers are of the class that they name.
        ranks = recent.confidences.argsort().argsort() / len(recent)
        scores = np.where(is_witness, _SURE + (1 - _SURE) * ranks, 0)
        most = round(0.7 * float(is_witness.sum()))
        return self._explanation("class_mix", named, mix.since, recent, scores, most, odd, mix)

    def _explanation(
        self,
        kind: Kind,
        classes: tuple[int, ...],
        since: int,
        recent: Observations,
        scores: Values,
        most: int,
        odd: OddRows,
        mix: ClassMix,
    ) -> Explanation:
        whitened = self._whitening.apply(recent.embeddings)
        witness = diverse(whitened, scores, int(np.clip(most, 1, NUM_WITNESSES)))
        nearest = [int(((self._whitened - whitened[row]) ** 2).sum(axis=1).argmin()) for row in witness]
        figures = {
            "looks_gain_nats": odd.gain,
            "class_mix_gain_nats": mix.gain,
            "odd_share": odd.share,
            "num_since": float(len(recent) - since),
        }
        return Explanation(kind, classes, since, witness, tuple(nearest), figures)


def diverse(rows: NDArray[np.float32], scores: Values, most: int) -> tuple[int, ...]:
    """Return at most so many rows with high scores that differ from each other.

    Of half as many rows again with the highest scores, the best one comes first, and then always the one that
    is farthest from those taken. Rows that are not sure come only where no row is.

    Args:
        rows: Shape (N, D).
        scores: In [0, 1], shape (N,).
        most: How many at most.
    """
    best = np.argsort(-scores, kind="stable")[: most + most // 2]
    sure = best[scores[best] >= _SURE]
    candidates = sure if len(sure) else best[:1]
    taken = [int(candidates[0])]
    distances = np.full(len(candidates), np.inf)
    while len(taken) < min(most, len(candidates)):
        distances = np.minimum(distances, ((rows[candidates] - rows[taken[-1]]) ** 2).sum(axis=1))
        taken.append(int(candidates[int(distances.argmax())]))
    return tuple(taken)


def _groups(left: NDArray[np.float32], labels: Indices, begin: int) -> list[Indices]:
    """Return rows among which a group may be: all from the begin on, and the classes farthest from theirs."""
    rows = np.arange(begin, len(labels))
    own = [rows[labels[rows] == each] for each in np.unique(labels[rows])]
    large = [each for each in own if len(each) >= _MIN_CLASS_ROWS]
    far = sorted(large, key=lambda each: -len(each) * float((left[each].mean(axis=0) ** 2).sum()))
    return [rows, *far[:_NUM_GROUPS]]
