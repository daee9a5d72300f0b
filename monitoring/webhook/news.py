"""Reads from the store what somebody should know of; `SOURCES` lists where it looks."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection

from store import learning_state
from store.alarms import read_alarms
from store.notifications import News
from store.round_states import WAITING
from store.rounds.log import SOURCES_STEP, last_steps_named
from store.rounds.records import Outcome, read_outcomes
from store.rounds.totals import last_step
from store.version_history import last_moves

# What is older than so many others is not sent any more.
_NUM_NEWEST = 50
_NUM_NEWEST_ALARMS = 10
_WATCH = "watch"
#: A source yields what happened since a moment, or still goes on, whether a message was stored or not.
Source = Callable[[Connection, datetime], Iterator[News]]


def collect(connection: Connection, since: datetime) -> list[News]:
    """Return what all sources have, of the time since a moment."""
    return [news for source in SOURCES for news in source(connection, since)]


def moves(connection: Connection, since: datetime) -> Iterator[News]:
    """Yield promotions and roll-backs, whoever made them."""
    for move in last_moves(connection, _NUM_NEWEST):
        if move.created < since or move.from_version is None:
            continue
        kind = "rolled_back" if move.is_roll_back else "promoted"
        if move.is_roll_back:
            by = "the watch" if move.actor == _WATCH else move.actor
            text = f"Rolled back from {move.from_version} to {move.to_version} by {by}. {move.reason}"
        else:
            text = f"{move.to_version} is production, after {move.from_version}. {move.reason}"
        details = {
            "version": move.to_version,
            "before": move.from_version,
            "by": move.actor,
            "reason": move.reason,
        }
        yield News(f"move-{move.id}", kind, text, move.created, details)


def rounds(connection: Connection, since: datetime) -> Iterator[News]:
    """Yield rounds that were rejected or failed, and the one that waits for a person."""
    newest = read_outcomes(connection, _NUM_NEWEST)
    for position, each in enumerate(newest):
        details = {"round": each.id, "state": each.state, "reason": each.reason}
        reason = each.reason or ""
        if each.state in WAITING:
            awaited = "your approval" if each.state == "awaiting_approval" else "labels"
            happened = last_step(connection, each.id) or each.created
            text = f"Round {each.id} waits for {awaited}. {reason}"
        elif each.state not in ("rejected", "failed") or each.ended is None or each.ended < since:
            continue
        elif each.state == "failed":
            happened, text = each.ended, f"Round {each.id} failed. {reason}"
        else:
            num_in_a_row = _num_rejected(newest[position:])
            details["num_in_a_row"] = num_in_a_row
            nth = f", the {_nth(num_in_a_row)} in a row" if num_in_a_row > 1 else ""
            happened, text = each.ended, f"Round {each.id} was rejected{nth}. {reason}"
        yield News(f"round-{each.id}-{each.state}", f"round_{each.state}", text, happened, details)


def pauses(connection: Connection, since: datetime) -> Iterator[News]:
    """Yield the pause in force."""
    pause = learning_state.paused(connection)
    if pause is not None:
        text = f"Learning is paused by {pause['by']}. {pause['reason']}"
        happened = datetime.fromisoformat(pause["since"])
        yield News(f"pause-{pause['since']}", "learning_paused", text, happened, pause)


def alarms(connection: Connection, since: datetime) -> Iterator[News]:
    """Yield alarms about the images and the answers."""
    for alarm in read_alarms(connection, _NUM_NEWEST_ALARMS):
        if alarm.ended is None or alarm.raised >= since:
            details = {"alarm": alarm.id, "kind": alarm.kind, "classes": list(alarm.classes)}
            yield News(f"alarm-{alarm.id}", "alarm", alarm.sentence, alarm.raised, details)


def bad_sources(connection: Connection, since: datetime) -> Iterator[News]:
    """Yield rounds that named sources of bad labels."""
    for round_id, step in last_steps_named(connection, SOURCES_STEP, _NUM_NEWEST):
        if step.created >= since and step.detail["sentence"]:
            named = [each["source"] for each in step.detail["sources"] if each["is_named"]]
            text = f"Round {round_id}: {step.detail['sentence']}"
            details = {"round": round_id, "sources": named}
            yield News(f"round-{round_id}-sources", "sources_named", text, step.created, details)


SOURCES: tuple[Source, ...] = (moves, rounds, pauses, alarms, bad_sources)


def _num_rejected(newest_first: list[Outcome]) -> int:
    """Return how many rounds were rejected since the last one that was promoted."""
    since = takewhile(lambda each: each.state != "promoted", newest_first)
    return sum(each.state == "rejected" for each in since)


def _nth(number: int) -> str:
    """Return an ordinal.

    >>> [_nth(number) for number in (1, 2, 3, 4, 11, 12, 21, 22)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '22nd']
    """
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
