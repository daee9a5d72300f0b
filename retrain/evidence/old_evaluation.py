"""Compares a candidate with champion and anchor on the old images of a round."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from monitoring.golden_overuse import METRIC as OVERUSE
from retrain.answers import Answers
from retrain.dataset import Item
from retrain.evidence.comparison import (
    OldComparison,
    accuracies,
    compare_calibration,
    compared,
    compared_to_own,
    num_taken,
    overuse,
)
from retrain.evidence.old_images import OldImages, Part, learnt_items
from retrain.evidence.stored_answers import StoredAnswers
from retrain.gate.classes import classes_in_doubt
from retrain.gate.outcomes import OldEvidence, Outcomes, pool
from retrain.gate.paired_difference import lower_bound
from retrain.gate.settings import GateSettings
from retrain.models import RoundModels
from store import leases, measurements
from store.evidence.anchors import anchor_of, set_anchor
from store.evidence.answers import Answer
from store.measurements import Measurement
from store.state import State
from vision.engines.served_model import ServedModel

GOLDEN = "golden"


class OldEvaluation:
    """Champion, anchor and candidates on the old images of one round.

    What champion and anchor answered before is read from the store. The rest they answer at once, as they
    are served, and it is stored. A champion that is better than the anchor becomes the anchor.

    Args:
        state: Where answers are stored.
        models: Runs the champion, the anchor and candidates.
        images: What they are to answer.
        settings: Which classes are asked again on learnt images, and what "better than the anchor" is.
        fencing: The learner's number.

    Raises:
        FencedError: The lease went to another learner; nothing was written since.
    """

    def __init__(
        self, state: State, models: RoundModels, images: OldImages, settings: GateSettings, fencing: int
    ) -> None:
        self._state = state
        self._models = models
        self._images = images
        self._settings = settings
        self._fencing = fencing
        self._stored = StoredAnswers(state, models, fencing)
        self._learnt: dict[int, tuple[Part, Answers]] = {}
        self._champion = self._stored.of(models.version, images.items)
        self._anchor = self._find_anchor()

    def compare(self, candidate: ServedModel, lost_before: Collection[int] = ()) -> OldComparison:
        """Return how a candidate answers the old images.

        Args:
            candidate: As it would be served.
            lost_before: Classes that an earlier attempt of the round lost: they are asked on learnt images.
        """
        images, agreement = self._images, self._images.agreement
        items: list[Item] = [*images.items, *(agreement.items if agreement else ())]
        answers = self._models.answers(candidate, items).by_image(item.sha256 for item in items)
        golden = pool([self._compared(part, answers) for part in images.golden], GOLDEN)
        reserve = self._compared(images.reserve, answers)
        return OldComparison(
            evidence=OldEvidence(
                golden=golden,
                slices=tuple(self._compared(part, answers) for part in images.slices if len(part)),
                anchor=self._against_anchor(answers),
                agreement=None if agreement is None else compared_to_own(agreement, answers),
                learnt=self._on_learnt(candidate, golden, lost_before),
                num_taken=self._num_taken(answers),
            ),
            calibration=compare_calibration(images.judging, self._champion, answers),
            accuracy={
                part.slice: accuracies(self._compared(part, answers)) for part in images.judging if len(part)
            },
            answers={item.sha256: answers[item.sha256] for item in images.items},
            overuse=overuse(golden, reserve) if len(reserve) else None,
        )

    def record_overuse(self, comparison: OldComparison, round_id: int) -> None:
        """Store how golden and its reserve compare, once a round; nothing where there is no reserve."""
        if comparison.overuse is None:
            return
        measured = Measurement(
            OVERUSE,
            comparison.overuse,
            len(self._images.reserve),
            # Of the newest golden slice: after a renewal the figures of earlier ones don't count.
            slice=self._images.golden[-1].slice,
            round_id=round_id,
        )
        self._state.database.write(lambda c: measurements.record(c, measured, fencing=self._fencing))

    def _compared(self, part: Part, answers: Mapping[str, Answer]) -> Outcomes:
        return compared(part, self._champion, answers)

    def _num_taken(self, answers: Mapping[str, Answer]) -> int:
        num_classes = len(self._models.version.class_names)
        agreement = self._images.agreement
        own = {item.sha256: Answer(item.label, 1.0) for item in agreement.items} if agreement else {}
        parts = [*self._images.judging, *([agreement] if agreement else [])]
        return num_taken(parts, {**self._champion, **own}, answers, num_classes)

    def _find_anchor(self) -> Mapping[str, Answer] | None:
        """Return the anchor's answers on golden images; None where the champion is the anchor, or none is."""
        champion = self._models.version
        golden = [part for part in self._images.golden if len(part)]
        with self._state.database.read() as connection:
            anchor = anchor_of(connection, champion)
        if anchor is None or anchor.version == champion.version or not golden:
            return None
        answers = self._stored.of(anchor, (item for part in golden for item in part.items))
        outcomes = pool([compared(part, answers, self._champion) for part in golden], GOLDEN)
        gain = lower_bound(outcomes.num_won, outcomes.num_lost, len(outcomes), self._settings.alpha)
        if gain <= 0:
            return answers

        def work(connection: Connection) -> None:
            leases.check(connection, self._fencing)
            set_anchor(connection, champion)

        self._state.database.write(work)
        return None

    def _against_anchor(self, answers: Mapping[str, Answer]) -> Outcomes | None:
        if self._anchor is None:
            return None
        return pool([compared(part, self._anchor, answers) for part in self._images.golden], GOLDEN)

    def _on_learnt(
        self, candidate: ServedModel, golden: Outcomes, lost_before: Collection[int]
    ) -> dict[int, Outcomes]:
        """Return the outcomes on learnt images of the classes in doubt."""
        num_classes = len(self._models.artifact.class_names)
        learnt = {}
        for label in classes_in_doubt(golden, num_classes, self._settings, lost_before):
            part, champion = self._learnt_of(label)
            if len(part):
                asked, labels = self._models.answers(candidate, part.items), part.labels()
                learnt[label] = Outcomes(
                    champion.is_right(labels),
                    asked.is_right(labels),
                    labels,
                    part.slice,
                    asked.num_not_finite,
                )
        return learnt

    def _learnt_of(self, label: int) -> tuple[Part, Answers]:
        """Return learnt images of a class with the champion's answers."""
        if label not in self._learnt:
            with self._state.database.read() as connection:
                items = learnt_items(connection, self._models.artifact.class_names, label)
            champion = self._models.answers(self._models.champion, items)
            self._learnt[label] = Part("learnt", tuple(items)), champion
        return self._learnt[label]
