"""Watches how often labelled answers are wrong, over all classes and in each."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded
from scipy.special import betaincinv

from monitoring.errors import InvalidCountError

# Of the baseline's uncertainty: so many equally likely rates stand for it.
_NUM_RATES = 9
# Labels of all classes that a class's own baseline is drawn towards.
_SHRINKAGE = 20.0
_MIN_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Counts:
    """How many labelled answers there were, and how many of them were wrong.

    Raises:
        InvalidCountError: There are more wrong ones than there are.
    """

    labels: int
    wrong: int

    def __post_init__(self) -> None:
        if not 0 <= self.wrong <= self.labels:
            raise InvalidCountError(f"Expected 0 to {self.labels} wrong answers; got {self.wrong}.")


@dataclass(frozen=True, slots=True)
class ErrorSettings:
    """When errors are alarmed.

    Attributes:
        declared_labels: The mean number of labels between two false alarms, over all classes together.
        factor: The rise that is looked for: 2 finds a doubled error rate soonest.
        most: The rate that the rise ends at.
    """

    declared_labels: int = 15_000
    factor: float = 2.0
    most: float = 0.9


@dataclass(frozen=True, slots=True)
class ErrorSignal:
    """Errors rose.

    Attributes:
        predicted_class: The class index, None where it is all classes together.
        index: The label that showed it, counted over all labels.
        since: The first label after the change.
        usual: The error rate before, in [0, 1].
        now: The error rate since then, of all classes or of this one.
    """

    predicted_class: int | None
    index: int
    since: int
    usual: float
    now: float


@dataclass(slots=True)
class _Watched:
    """A CUSUM in steps: each wrong answer counts `up`, each right one -1, never below 0."""

    usual: float
    up: int
    limit: int
    level: int = 0
    since: int = 0
    num: int = 0
    wrong: int = 0

    def add(self, is_wrong: bool, index: int) -> bool:
        if self.level == 0:
            self.since, self.num, self.wrong = index, 0, 0
        self.num += 1
        self.wrong += is_wrong
        self.level = max(0, self.level + (self.up if is_wrong else -1))
        return self.level >= self.limit


@dataclass(slots=True)
class ErrorRateMonitor:
    """A Bernoulli CUSUM on draws that people labelled, over all classes and in each predicted class.

    Draws are fair: they are chosen by lot before anybody answers. Corrections that people send by themselves
    must not come here, since they send mostly mistakes.

    Half of the false alarms are allowed to all classes together, and half to the classes: each of these may
    alarm once in twice the declared number of its own labels, so that together they keep the rate however
    many there are. The baseline is counted, not known; the limit holds on the average over the rates
    that it may stand for.

    Args:
        baseline: Labels of each predicted class from when all was well, shape (classes,).
        settings: When to alarm.

    Source:
        Reynolds and Stoumbos, "A CUSUM Chart for Monitoring a Proportion When Inspecting Continuously",
        Journal of Quality Technology 1999: with steps of +k and -1 the run length is exact.
    """

    baseline: list[Counts]
    settings: ErrorSettings = field(default_factory=ErrorSettings)
    _all: _Watched = field(init=False)
    _by_class: list[_Watched] = field(init=False)
    _num_seen: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        total = Counts(sum(each.labels for each in self.baseline), sum(each.wrong for each in self.baseline))
        if total.labels == 0:
            raise InvalidCountError("Expected labels to know the usual error rate from; got none.")
        self._all = _watched(total.wrong, total.labels, self.settings)
        rate = _rate(total.wrong, total.labels)
        self._by_class = [
            _watched(each.wrong + _SHRINKAGE * rate, each.labels + _SHRINKAGE, self.settings)
            for each in self.baseline
        ]

    def observe(
        self, is_right: NDArray[np.bool_], predicted_classes: NDArray[np.int64]
    ) -> ErrorSignal | None:
        """Take the next labels, and return the first signal in them.

        After a signal the sums that gave it begin anew.

        Args:
            is_right: Whether the answer was right, in the order of the labels, shape (N,).
            predicted_classes: What was answered, shape (N,).
        """
        first: ErrorSignal | None = None
        for right, predicted in zip(is_right.tolist(), predicted_classes.tolist(), strict=True):
            for watched, name in ((self._all, None), (self._by_class[predicted], predicted)):
                if watched.add(not right, self._num_seen):
                    now = watched.wrong / watched.num
                    signal = ErrorSignal(name, self._num_seen, watched.since, watched.usual, now)
                    first = first or signal
                    watched.level = 0
            self._num_seen += 1
        return first


def _watched(wrong: float, labels: float, settings: ErrorSettings) -> _Watched:
    """Return a CUSUM that begins at 0, with the least limit that keeps the declared rate."""
    usual = _rate(wrong, labels)
    up = step_up(usual, min(usual * settings.factor, max(settings.most, (1 + usual) / 2)))
    # Rounded, so that a thousand classes need few limits.
    known = float(np.floor(np.log(labels) * 4) / 4)
    return _Watched(usual, up, _limit(up, round(usual, 3), known, 2 * settings.declared_labels))


def _rate(wrong: float, labels: float) -> float:
    return float(np.clip((wrong + 0.5) / (labels + 1), _MIN_RATE, 1 - _MIN_RATE))


def step_up(usual: float, raised: float) -> int:
    """Return how many right answers a wrong one outweighs.

    It is the ratio of their log-likelihood ratios, to the nearest whole number.

    >>> step_up(0.1, 0.2)
    6
    """
    wrong = np.log(raised / usual)
    right = np.log((1 - usual) / (1 - raised))
    return max(1, round(float(wrong / right)))


@lru_cache(maxsize=1024)
def _limit(up: int, usual: float, log_labels: float, declared_labels: float) -> int:
    """Return the least limit under which the mean rate of alarms is at most the declared one.

    The mean is over the rates that so many labels with the usual share of errors leave possible.
    """
    labels, places = np.exp(log_labels), (np.arange(_NUM_RATES) + 0.5) / _NUM_RATES
    # The quantiles of Jeffreys' posterior. SciPy's distributions would cost the learner 53 MiB.
    rates = betaincinv(labels * usual + 0.5, labels * (1 - usual) + 0.5, places)

    def is_enough(limit: int) -> bool:
        return bool(np.mean([1 / run_length(up, limit, rate) for rate in rates]) <= 1 / declared_labels)

    low, high = 1, up + 1
    while not is_enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def run_length(up: int, limit: int, rate: float) -> float:
    """Return the mean number of labels until the CUSUM reaches its limit from 0, at an error rate.

    Args:
        up: What a wrong answer counts.
        limit: Where there is a signal.
        rate: Of errors, in (0, 1).

    Source:
        Brook and Evans, "An Approach to the Probability Distribution of CUSUM Run Length", Biometrika 1972:
        the levels are the states of a Markov chain.
    """
    # From a level E = 1 + rate · E[level + up] + (1 - rate) · E[max(level - 1, 0)], and 0 at the limit.
    diagonals = np.zeros((up + 2, limit))
    diagonals[0, up:] = -rate
    diagonals[up] = 1
    diagonals[up, 0] = rate
    diagonals[up + 1, :-1] = -(1 - rate)
    return float(solve_banded((1, up), diagonals, np.ones(limit))[0])  # type: ignore[no-untyped-call]  # SciPy comes without types
