"""A round that waits for labels: what each answer changes, and how it ends."""

import logging
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from retrain.evidence.stored_pool import evidence_of_pool
from retrain.gate.gate import judge_again
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict
from store import registry
from store.database.database import Database, now
from store.evidence.pools import labels_of, read_pool
from store.evidence.trials import Trial, current_trial, end_trial
from store.rounds import rounds
from store.rounds.progress import advance, note_verdict
from store.rounds.records import Round, find_round
from store.version_history import main_sources, sources_learnt
from store.versions import find_version

log = logging.getLogger(__name__)

_LEAST_WAIT = timedelta(days=3)


def follow_trial(
    database: Database, fencing: int, settings: GateSettings, promote: Literal["auto", "ask"]
) -> None:
    """Judge the round that waits for labels again, with those that came, and end it where that is decided.

    An answer can only make the candidate look better, so it may be read after each one.

    Args:
        database: Where it waits.
        fencing: The learner's number.
        settings: How strict the gate is.
        promote: Whether what passes is promoted at once, or waits for a person.

    Raises:
        FencedError: The lease went to another learner; nothing was written.
    """
    with database.read() as connection:
        trial = current_trial(connection)
        if trial is None:
            return
        round_id = trial.round_id
        before = find_round(connection, round_id)
        verdict, moment = _judged(connection, before, settings), now(connection)
    if before.verdict == verdict.to_json() and moment < trial.ends:
        return
    database.write(lambda c: _act(c, trial, verdict, fencing, promote))
    log.info("round %d: %s", round_id, verdict.sentence)


def may_be_replaced(trial: Trial, moment: datetime) -> bool:
    """Return whether a trial has waited so long that a round with more samples may take its place."""
    return moment - trial.begun >= _LEAST_WAIT


def _judged(connection: Connection, waiting: Round, settings: GateSettings) -> Verdict:
    pool = read_pool(connection, waiting.id)
    labels = labels_of(connection, [image.sha256 for image in pool])
    candidate = str(waiting.candidate)
    names = find_version(connection, candidate).class_names
    learnt_from = [each.source for each in main_sources(sources_learnt(connection, candidate))]
    verdict = Verdict.from_json(waiting.verdict or {})
    return judge_again(verdict, evidence_of_pool(pool, labels, names, learnt_from), settings)


def _act(
    connection: Connection, trial: Trial, verdict: Verdict, fencing: int, promote: Literal["auto", "ask"]
) -> None:
    waiting = find_round(connection, trial.round_id)
    if waiting.state != "awaiting_labels":
        return
    champion = registry.production(connection)
    stored, sentence = verdict.to_json(), verdict.sentence

    def close(state: str, reason: str) -> None:
        rounds.close_judged(connection, waiting.id, state, reason=reason, verdict=stored, fencing=fencing)

    if champion is None or champion.version != waiting.production:
        close(
            "cancelled",
            f"Production moved while the round waited, by a person or the watch, and that wins. {sentence}",
        )
    elif verdict.decision == "passed" and (promote == "ask" or verdict.is_left_to_a_person):
        advance(connection, waiting.id, "awaiting_approval", fencing=fencing, reason=sentence, verdict=stored)
        end_trial(connection, waiting.id)
    elif verdict.decision == "passed":
        rounds.promote_waiting(connection, waiting.id, stored, sentence, fencing)
    elif verdict.decision != "awaiting_labels":
        close(verdict.decision, sentence)
    elif now(connection) >= trial.ends:
        answered = f"{trial.num_answered} of {trial.num_asked} questions were answered in time."
        close("inconclusive", f"{answered} {sentence}")
    else:
        note_verdict(connection, waiting.id, stored, sentence, fencing)
