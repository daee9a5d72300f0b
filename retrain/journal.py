"""The written record of one round: each step, attempt and end, under the learner's fencing number."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from retrain.errors import RoundCancelledError
from retrain.gate.verdict import Verdict
from store.database.database import Database
from store.evidence.pools import PoolImage, store_pool
from store.rounds.log import REPEAT_STEP, SOURCES_STEP, add_attempt, add_step, record_samples
from store.rounds.progress import advance
from store.rounds.records import find_round
from store.rounds.rounds import close_judged
from store.rounds.training_progress import TrainingProgress, report

log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_REPORT_SECONDS = 5.0


class Journal:
    """Writes what a round does; once the lease has gone, every write raises FencedError."""

    def __init__(self, database: Database, round_id: int, fencing: int) -> None:
        self.round_id = round_id
        self.fencing = fencing
        self._database = database
        self._polled = self._began = self._reported = time.monotonic()

    def enter(self, state: str, **detail: Any) -> None:
        """Move the round to `state`."""
        self._began = self._reported = time.monotonic()
        self._database.write(lambda c: advance(c, self.round_id, state, fencing=self.fencing, detail=detail))
        log.info("round %d: %s %s", self.round_id, state, detail)

    def enter_evaluating(self, curves: dict[str, Any]) -> None:
        """Move the round to `evaluating`, with the curves of its training."""
        self._database.write(
            lambda c: advance(c, self.round_id, "evaluating", fencing=self.fencing, curves=curves)
        )
        log.info("round %d: evaluating", self.round_id)

    def end(self, state: str, reason: str) -> None:
        """Close the round before a verdict."""
        self._database.write(lambda c: advance(c, self.round_id, state, fencing=self.fencing, reason=reason))
        log.info("round %d: %s, %s", self.round_id, state, reason)

    def end_judged(self, state: str, reason: str, verdict: Verdict, pool: Sequence[PoolImage]) -> None:
        """Close the round after a verdict that promotes nothing: what it was judged on judges no other."""

        def work(connection: Connection) -> None:
            store_pool(connection, self.round_id, pool)
            close_judged(
                connection,
                self.round_id,
                state,
                reason=reason,
                verdict=verdict.to_json(),
                fencing=self.fencing,
            )

        self._database.write(work)
        log.info("round %d: %s, %s", self.round_id, state, reason)

    def note(self, step: str, **detail: Any) -> None:
        """Add a step to the present state."""
        self._database.write(lambda c: add_step(c, self.round_id, step, detail, self.fencing))

    def note_sources(self, found: Mapping[str, Any]) -> None:
        """Write down what was found of the sources of labels, and tell it where one is named."""
        self.note(SOURCES_STEP, **found)
        if found["sentence"]:
            log.warning("round %d: %s", self.round_id, found["sentence"])

    def repeat(self, reason: str) -> None:
        """Write down that the round begins anew, through no fault of its own: this try doesn't count."""
        self.note(REPEAT_STEP, reason=reason)

    def report(self, num_steps_done: int, num_steps: int, num_epochs: int) -> None:
        """Write down how far the training is, every 5 seconds at most: cheap enough for every batch."""
        moment = time.monotonic()
        if moment - self._reported < _REPORT_SECONDS or num_steps_done == 0:
            return
        self._reported = moment
        progress = TrainingProgress(
            self.round_id,
            epoch=1 + (num_steps_done - 1) * num_epochs // num_steps,
            num_epochs=num_epochs,
            num_steps_done=num_steps_done,
            num_steps=num_steps,
            seconds_left=(moment - self._began) * (num_steps - num_steps_done) / num_steps_done,
        )
        self._database.write(lambda c: report(c, progress, self.fencing))

    def attempt(self, number: int, cure: str, verdict: Verdict) -> None:
        """Store the verdict on one candidate."""
        self._database.write(
            lambda c: add_attempt(c, self.round_id, number, cure, verdict.to_json(), self.fencing)
        )
        log.info("round %d, attempt %d (%s): %s", self.round_id, number, cure, verdict.sentence)

    def record_samples(self, roles: Sequence[tuple[int, str, int | None]]) -> None:
        """Record the samples (id, role, label revision) of the round, in place of an earlier try's."""
        self._database.write(lambda c: record_samples(c, self.round_id, roles, self.fencing))

    def stop_if_cancelled(self) -> None:
        """Raise when a person asked for the round to stop.

        Raises:
            RoundCancelledError: The round is to be cancelled.
        """
        with self._database.read() as connection:
            is_cancelled = find_round(connection, self.round_id).cancel_requested
        if is_cancelled:
            raise RoundCancelledError("Cancelled by a person while it ran.")

    def poll_cancellation(self) -> None:
        """Call `stop_if_cancelled` every 2 seconds at most: cheap enough for every batch."""
        if time.monotonic() - self._polled >= _POLL_SECONDS:
            self._polled = time.monotonic()
            self.stop_if_cancelled()
