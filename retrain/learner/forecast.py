"""Reads what a round would be judged on if it began now, and the round that waits for labels."""

from collections.abc import Sequence

from sqlalchemy import Connection

from retrain.evidence.new_samples import asked_first, is_direct_round
from retrain.evidence.pool import MAX_IMAGES
from retrain.learner.triggers import Forecast, WaitingTrial
from retrain.trial import may_be_replaced
from store.alarms import unended_alarms
from store.classes.learning import num_to_learn
from store.database.database import now
from store.evidence.held_out import num_held_out
from store.evidence.questions import answered_share
from store.evidence.trials import Trial, current_trial, last_trials
from store.evidence.watches import last_watches
from store.rounds import rounds
from store.rounds.log import num_recorded
from store.samples.pending import NewCount, count_new, num_pending_since

# After two trials that nobody cared for, so many answers show that somebody does now.
_MIN_ANSWERS = 20


def forecast(connection: Connection) -> Forecast:
    """Return what a round would be judged on as new."""
    kinds = count_new(connection)
    direct = [kind for kind in kinds if kind.origin == "direct" and kind.is_trusted]
    num_direct = sum(kind.num for kind in direct if kind.is_held_out)
    since_roll_back = _num_since_roll_back(connection)
    alarm_raised = min((alarm.raised for alarm in unended_alarms(connection)), default=None)
    has_new_class = bool(num_to_learn(connection)[0])
    if is_direct_round(_total(direct), _total(kinds), num_direct):
        return Forecast(
            num_direct,
            num_since_roll_back=since_roll_back,
            alarm_raised=alarm_raised,
            has_new_class=has_new_class,
        )
    since = min((asked_first(kind.first, kind.first_prediction) for kind in kinds), default=now(connection))
    unfair = [kind for kind in kinds if kind.is_held_out and kind.origin == "direct" and not kind.is_trusted]
    return Forecast(
        num_images=num_held_out(connection, since, MAX_IMAGES),
        num_unfair=_total(unfair),
        num_ignored_trials=_num_ignored(connection),
        num_since_roll_back=since_roll_back,
        alarm_raised=alarm_raised,
        has_new_class=has_new_class,
    )


def waiting_trial(connection: Connection) -> WaitingTrial | None:
    """Return the round that waits for labels, if one does."""
    trial = current_trial(connection)
    if trial is None:
        return None
    num_by_role = num_recorded(connection, [trial.round_id])[trial.round_id]
    num_samples = sum(num for role, num in num_by_role.items() if role != "replay")
    return WaitingTrial(num_samples, may_be_replaced(trial, now(connection)))


def replace_trial(connection: Connection, fencing: int) -> None:
    """End the round that waits for labels, where one does: a round with more samples takes its place.

    Raises:
        FencedError: The lease went to another learner.
    """
    trial = current_trial(connection)
    if trial is not None:
        reason = (
            f"A round with more samples takes its place: {trial.num_answered} of {trial.num_asked} questions "
            "were answered."
        )
        rounds.close_judged(connection, trial.round_id, "inconclusive", reason=reason, fencing=fencing)


def _total(kinds: Sequence[NewCount]) -> int:
    return sum(kind.num for kind in kinds)


def _num_ignored(connection: Connection) -> int:
    trials = last_trials(connection, 2)
    if trials and _num_answers_since(connection, trials[0]) >= _MIN_ANSWERS:
        return 0
    return sum(2 * trial.num_answered < trial.num_asked for trial in trials)


def _num_answers_since(connection: Connection, trial: Trial) -> int:
    _, num_answered = answered_share(connection, trial.ended or trial.begun)
    return num_answered


def _num_since_roll_back(connection: Connection) -> int | None:
    last = last_watches(connection, 1)
    if not last or last[0].state != "rolled_back" or last[0].ended is None:
        return None
    return num_pending_since(connection, last[0].ended)
