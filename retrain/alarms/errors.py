"""Counts how many labelled draws production answered wrongly, and raises alarms about it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitoring.drift.error_rate import Counts, ErrorRateMonitor, ErrorSignal
from retrain.alarms import wording
from retrain.alarms.references import Normal, follow_production, raise_in_force
from retrain.alarms.settings import AlarmJobSettings
from store.alarms import AlarmImage, NewAlarm
from store.database.database import Database
from store.labelled_draws import LabelledDraw, labelled_draws

_NUM_IMAGES = 20
# What an alarm tells is about the last ones; a version may get many more.
_NUM_KEPT = 5000


@dataclass(slots=True)
class _Counted:
    """What was read of a reference's draws: first those that are usual, then those that are watched."""

    reference_id: int
    after: int
    usual: list[LabelledDraw] = field(default_factory=list)
    monitor: ErrorRateMonitor | None = None
    watched: list[LabelledDraw] = field(default_factory=list)
    num_forgotten: int = 0


class ErrorWatcher:
    """Holds the counts between looks; after a restart all draws of the reference are counted again.

    Args:
        settings: What alarms are raised from.
    """

    def __init__(self, settings: AlarmJobSettings) -> None:
        self._settings = settings
        self._counted: _Counted | None = None

    def look(self, database: Database) -> None:
        """Count the labels that came, and raise an alarm where more answers are wrong than usually.

        Raises:
            FencedError: The database is fenced, and the lease has gone.
        """
        normal = follow_production(database)
        if normal is None:
            return
        reference = normal.reference
        # Only put back at the end: after an error all is counted again.
        counted, self._counted = self._counted, None
        if counted is None or counted.reference_id != reference.id:
            counted = _Counted(reference.id, reference.last_sample_before)
        is_last = False
        while not is_last:
            with database.read() as connection:
                page = labelled_draws(connection, normal.production.version, counted.after)
            signal = self._count(counted, normal, page.draws)
            counted.after, is_last = page.after, page.is_last
            if signal is not None:
                raise_in_force(database, reference, _alarm(signal, counted, normal))
        self._counted = counted

    def _count(self, counted: _Counted, normal: Normal, draws: Sequence[LabelledDraw]) -> ErrorSignal | None:
        """Count draws, and return the first signal in them."""
        class_names = normal.production.class_names
        num_missing = self._settings.num_usual_draws - len(counted.usual)
        counted.usual += draws[:num_missing]
        if len(counted.usual) < self._settings.num_usual_draws:
            return None
        if counted.monitor is None:
            counted.monitor = ErrorRateMonitor(_baseline(counted.usual, class_names), self._settings.errors)
        watched = draws[num_missing:]
        counted.watched += watched
        num_over = max(0, len(counted.watched) - _NUM_KEPT)
        del counted.watched[:num_over]
        counted.num_forgotten += num_over
        index_of = {name: index for index, name in enumerate(class_names)}
        return counted.monitor.observe(
            np.array([draw.is_right for draw in watched], dtype=bool),
            np.array([index_of[draw.predicted] for draw in watched], dtype=np.int64),
        )


def _baseline(usual: Sequence[LabelledDraw], class_names: Sequence[str]) -> list[Counts]:
    num = Counter(draw.predicted for draw in usual)
    num_wrong = Counter(draw.predicted for draw in usual if not draw.is_right)
    return [Counts(num[name], num_wrong[name]) for name in class_names]


def _alarm(signal: ErrorSignal, counted: _Counted, normal: Normal) -> NewAlarm:
    first = max(0, signal.since - counted.num_forgotten)
    name = None if signal.predicted_class is None else normal.production.class_names[signal.predicted_class]
    moved = [draw for draw in counted.watched[first:] if name in (None, draw.predicted)]
    wrong = [draw for draw in moved if not draw.is_right]
    since, now = counted.watched[first].created, counted.watched[-1].created
    confused = Counter(draw.predicted for draw in wrong)
    return NewAlarm(
        version=normal.production.version,
        kind="errors",
        detector="labelled draws" if name is None else "labelled draws by class",
        since=since,
        sentence=wording.errors(since, now, signal.usual, len(wrong) / len(moved), len(moved), name or ""),
        figures={
            "usual_error_rate": signal.usual,
            "error_rate": len(wrong) / len(moved),
            "num_labels": len(moved),
            "num_wrong": len(wrong),
        },
        classes=[each for each, _ in confused.most_common()],
        images=[AlarmImage(draw.sha256, draw.prediction_id, None) for draw in wrong[-_NUM_IMAGES:]],
    )
