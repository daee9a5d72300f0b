"""Steps that tests of rounds that wait for labels share; no network takes part."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import numpy as np
from sqlalchemy import Connection, update

from retrain.evidence.stored_pool import evidence_of_pool
from retrain.gate.gate import judge
from retrain.gate.outcomes import OldEvidence, Outcomes
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict
from retrain.trial import follow_trial
from store.database import schema
from store.database.database import now
from store.evidence.pools import PoolImage, store_pool
from store.rounds import rounds
from store.rounds.records import Round
from store.versions import NewVersion
from tests.retrain.world import CLASSES, World, scene

NUM_DIFFERING = 12
_FIRST_SCENE = 50_000


@dataclass
class WaitingRound:
    """A round that waits for the labels of twelve images; ten right answers prove its candidate better.

    Production answers blue on all images of its pool, the candidate red on those on which they differ.
    """

    world: World
    num_agreed: int = 20
    contents: list[bytes] = field(init=False)
    sha256s: list[str] = field(init=False)
    round_id: int = field(init=False)
    fencing: int = field(init=False)

    def __post_init__(self) -> None:
        numbers = range(NUM_DIFFERING + self.num_agreed)
        self.contents = [scene(_FIRST_SCENE + number) for number in numbers]
        self.sha256s = self.world.predict(self.contents)
        self.round_id, self.fencing = self.world.begin()
        self.world.advance(self.round_id, self.fencing, "training", "evaluating")
        pool = [
            PoolImage(sha256, number, True, "app", "blue", "red" if number < NUM_DIFFERING else "blue")
            for number, sha256 in enumerate(self.sha256s)
        ]
        verdict = _judged(pool)
        new = NewVersion(
            class_names=CLASSES,
            files={"weights": "d" * 64},
            parent=self.world.production.version,
            round_id=self.round_id,
        )
        judged = rounds.JudgedRound(
            self.round_id, new, (), verdict.to_json(), verdict.sentence, fencing=self.fencing
        )

        def work(connection: Connection) -> None:
            store_pool(connection, self.round_id, pool)
            ends = now(connection) + timedelta(days=14)
            rounds.await_labels(connection, judged, self.sha256s[:NUM_DIFFERING], ends)

        self.world.database.write(work)

    @property
    def round(self) -> Round:
        return self.world.find_round(self.round_id)

    def answer(self, label: str, *numbers: int, source: str = "ann") -> None:
        """Label images of the pool, as somebody at the queue does."""
        for number in numbers:
            self.world.add(label, self.contents[number], origin="audit", source=source, is_trusted=False)

    def follow(self, promote: Literal["auto", "ask"] = "auto") -> Round:
        """Judge the round again, as the learner does now and then, and return it."""
        follow_trial(self.world.database, self.fencing, GateSettings(), promote)
        return self.round

    def let_pass(self, days: float) -> None:
        """Let the trial have begun so much earlier."""

        def work(connection: Connection) -> None:
            trial = connection.execute(schema.trials.select().filter_by(round_id=self.round_id)).one()
            ago = timedelta(days=days)
            values = {"begun": trial.begun - ago, "ends": trial.ends - ago}
            connection.execute(update(schema.trials).filter_by(round_id=self.round_id).values(**values))

        self.world.database.write(work)


def _judged(pool: list[PoolImage]) -> Verdict:
    """Return the gate's verdict on an unlabelled pool, of a candidate that answers what is old as before."""
    right = np.ones(400, dtype=np.bool_)
    golden = Outcomes(right, right, np.arange(400) % len(CLASSES), "golden")
    verdict = judge(
        OldEvidence(golden),
        evidence_of_pool(pool, {}, CLASSES),
        alpha=GateSettings().alpha_first,
        margin=0.05,
        calibration=None,
        class_names=CLASSES,
        settings=GateSettings(),
    )
    assert verdict.decision == "awaiting_labels", verdict.sentence
    return verdict
