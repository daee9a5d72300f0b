"""Brings the predecessor back, and decides what is learnt and judged on after that."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection

from store import registry
from store.database.database import Database
from store.evidence.held_out import mark_judged
from store.evidence.returning import returnable
from store.evidence.watch_images import learn_samples, looked_at, unlearnt_samples
from store.evidence.watches import Watch, end_watch, last_watches
from store.learning_state import pause
from store.versions import find_version

#: Who rolls back, in the history of production.
ACTOR: Final = "watch"
# So many roll-backs in a row, and what is learnt needs a person's look.
_MAX_ROLL_BACKS = 2
_NO_ROUND = 0


def go_back(
    connection: Connection, watch: Watch, reason: str, figures: dict[str, Any], learnable: Collection[int]
) -> None:
    """Make the predecessor production again, end the watch, and pause learning after two such in a row.

    Nothing that the watch looked at judges a later candidate: the images that are left would be chosen by
    how they were answered.

    Args:
        connection: Of a write in which the watch is still in force.
        watch: The watch.
        reason: Why, for people.
        figures: The counts that decided.
        learnable: Ids of the lost images' samples that may be learnt from now on.

    Raises:
        NoPredecessorError: Production has no version before it.
        VersionRetiredError: The files of that version were dropped.
    """
    learn_samples(connection, learnable)
    of_round = find_version(connection, watch.version).round_id
    mark_judged(connection, looked_at(connection, watch.id), of_round or _NO_ROUND)
    end_watch(connection, watch.id, "rolled_back", reason, figures)
    registry.roll_back(connection, reason=reason, actor=ACTOR, to=watch.predecessor, pauses=False)
    last = last_watches(connection, _MAX_ROLL_BACKS)
    if len(last) == _MAX_ROLL_BACKS and all(each.state == "rolled_back" for each in last):
        pause(connection, f"Two promotions in a row were rolled back. {reason}", ACTOR)


def learnable_samples(database: Database, lost: Collection[str]) -> list[int]:
    """Return the ids of the samples of lost images that may be learnt, whole clusters at a time.

    They were chosen by their outcome, so they are evidence for nothing. What is in a slice stays there, and
    so does what shows the same as another held-out sample.

    Args:
        database: Where to look, in a short read.
        lost: SHA-256s of the images that only the predecessor answered rightly.
    """
    with database.read() as connection:
        splits = unlearnt_samples(connection, lost)
        ending = {sample_id for sample_id, split in splits.items() if split == "holdout"}
        clusters = returnable(connection, ending)
    return [*(splits.keys() - ending), *(sample.id for cluster in clusters for sample in cluster)]
