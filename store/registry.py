"""Decides which version is production: it moves the alias, and drops the files of old versions."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, insert, select, update

from store import leases
from store.database.blob_references import unreferenced
from store.database.database import now
from store.database.schema import alias as alias_table
from store.database.schema import alias_moves, rounds
from store.database.schema import versions as versions_table
from store.errors import AcrossLineagesError, ChampionChangedError, NoPredecessorError
from store.evidence.anchors import anchor_of
from store.evidence.watches import begin_watch, current_watch, end_watch
from store.learning_state import pause
from store.lineages import adopt_classes, adopt_lineage
from store.round_states import UNFINISHED
from store.samples.pending import mark_seen, recount_pending
from store.versions import (
    PRODUCTION,
    Version,
    find_version,
    production_name,
    refuse_retired,
)

_MAX_REASON = 1000


class Champion(Enum):
    """A wildcard for the champion that a promotion expects."""

    ANY = "any"


ANY: Final = Champion.ANY


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the alias `production`."""

    id: int
    from_version: str | None
    to_version: str
    reason: str
    actor: str
    is_roll_back: bool
    created: datetime


def production(connection: Connection) -> Version | None:
    """Return the version in production, or None before the first."""
    name = production_name(connection)
    return None if name is None else find_version(connection, name)


def promote(
    connection: Connection,
    version: str,
    *,
    reason: str,
    actor: str,
    expected: str | Literal[Champion.ANY] | None = ANY,
    fencing: int | None = None,
    force: bool = False,
) -> Move:
    """Make `version` production, if production is still `expected`.

    Promoting the present production version changes nothing and returns the move that promoted it.

    Args:
        version: Any kept version.
        reason: Why, for people; cut after 1,000 characters.
        actor: Who: a key's name, or the learner.
        expected: The champion that was judged; None for none, ANY for a person's own choice.
        fencing: The learner's number; None for a person.
        force: Allow a version of another lineage, which knows other classes.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
        ChampionChangedError: Production is not `expected`.
        UnknownVersionError: There is no such version.
        VersionRetiredError: Its files were dropped.
        AcrossLineagesError: It is of another lineage, and `force` is off.
    """
    if fencing is not None:
        leases.check(connection, fencing)
    champion = production_name(connection)
    if expected is not ANY and champion != expected:
        raise ChampionChangedError(
            f"Expected production to be {expected or 'unset'}, against which {version} was judged; found "
            f"{champion or 'none'}. Run another round, or promote {version} by hand if you are sure."
        )
    return _move(connection, version, reason=reason, actor=actor, force=force, is_roll_back=False)


def roll_back(
    connection: Connection,
    *,
    reason: str,
    actor: str,
    to: str | None = None,
    force: bool = False,
    pauses: bool = True,
) -> Move:
    """Make the previous version production, and pause learning until a person resumes it.

    A second roll-back goes one version further back, not forward again.

    Args:
        reason: Why, for people; cut after 1,000 characters.
        actor: Who: a key's name, or the watch.
        to: An earlier production version to go back to; by default the one before the present one.
        force: Allow a version of another lineage, which knows other classes.
        pauses: Off where a watch rolls back: then the next round learns from what came after.

    Raises:
        NoPredecessorError: There is no earlier version, or `to` was never production before this one.
        UnknownVersionError: There is no version `to`.
        VersionRetiredError: Its files were dropped.
        AcrossLineagesError: It is of another lineage, and `force` is off.
    """
    line = _line(connection)
    earlier = line[:-1]
    if to is not None:
        find_version(connection, to)
    if not earlier or (to is not None and to not in earlier):
        past = " then ".join(line) if line else "no production version at all"
        raise NoPredecessorError(
            f"Expected an earlier production version{f' {to}' if to else ''} to roll back to; found {past}. "
            "Promote a version by name instead."
        )
    target = earlier[-1] if to is None else to
    move = _move(connection, target, reason=reason, actor=actor, force=force, is_roll_back=True)
    if pauses:
        # Else the next round would repeat what was rolled back.
        pause(connection, f"Rolled back to {target}: {reason}", actor)
    return move


def last_move(connection: Connection) -> Move:
    """Return the last move of the alias; there must have been one."""
    query = select(alias_moves).where(alias_moves.c.name == PRODUCTION)
    row = connection.execute(query.order_by(alias_moves.c.id.desc()).limit(1)).one()
    return move_of(row)


def move_of(row: Row[Any]) -> Move:
    """Return a row of `alias_moves` as a move."""
    return Move(
        row.id, row.from_version, row.to_version, row.reason, row.actor, row.is_roll_back, row.created
    )


def drop_old_versions(connection: Connection, keep: int = 10) -> list[str]:
    """Drop the files of all versions but the `keep` newest and those that are needed.

    Needed are production, its predecessor, the anchor of its lineage, and candidates that wait.

    Returns:
        The SHA-256s that nothing names any more; the caller deletes their bytes after the commit.
    """
    line = _line(connection)[-2:]
    candidates = select(rounds.c.candidate).where(
        rounds.c.state.in_(UNFINISHED), rounds.c.candidate.is_not(None)
    )
    champion = production(connection)
    anchor = None if champion is None else anchor_of(connection, champion)
    needed = {*line, *connection.execute(candidates).scalars(), *([anchor.version] if anchor else [])}
    dropped: list[str] = []
    num_others = 0
    for row in connection.execute(
        select(versions_table.c.version, versions_table.c.files).order_by(versions_table.c.number.desc())
    ).all():
        if row.version in needed or not row.files:
            continue
        num_others += 1
        if num_others > keep:
            dropped += row.files.values()
            connection.execute(
                update(versions_table).where(versions_table.c.version == row.version).values(files={})
            )
    return unreferenced(connection, dropped)


def _move(
    connection: Connection, version: str, *, reason: str, actor: str, force: bool, is_roll_back: bool
) -> Move:
    target = find_version(connection, version)
    champion = production(connection)
    if champion is not None and champion.version == target.version:
        return last_move(connection)
    refuse_retired(target)
    is_across = champion is not None and champion.lineage != target.lineage
    if champion is not None and is_across and not force:
        raise AcrossLineagesError(
            f"Expected a version of lineage {champion.lineage} like {champion.version}, which is production; "
            f"found {target.version} of lineage {target.lineage}, which knows other classes. "
            "Force it if this is meant: the labels of the present classes are set aside."
        )
    connection.execute(
        insert(alias_moves).values(
            name=PRODUCTION,
            from_version=None if champion is None else champion.version,
            to_version=target.version,
            reason=reason[:_MAX_REASON],
            actor=actor,
            is_roll_back=is_roll_back,
            created=now(connection),
        )
    )
    if champion is None:
        connection.execute(insert(alias_table).values(name=PRODUCTION, version=target.version))
    else:
        connection.execute(
            update(alias_table).where(alias_table.c.name == PRODUCTION).values(version=target.version)
        )
    mark_seen(connection, None if champion is None else champion.version, target.version)
    if is_across:
        adopt_lineage(connection, target.lineage, target.class_names)
    elif champion is not None:
        adopt_classes(connection, champion.class_names, target.class_names)
    recount_pending(connection)
    _end_last_watch(connection, target.version)
    if champion is not None and not is_across and not is_roll_back:
        begin_watch(connection, target.version, champion.version)
    return last_move(connection)


def _end_last_watch(connection: Connection, new_production: str) -> None:
    watch = current_watch(connection)
    if watch is not None:
        reason = (
            f"{watch.version} stays unconfirmed: {new_production} became production before its watch ended."
        )
        end_watch(connection, watch.id, "unconfirmed", reason)


def _line(connection: Connection) -> list[str]:
    """Return the promotions that were not rolled back, oldest first; production is the last."""
    line: list[str] = []
    query = select(alias_moves.c.to_version, alias_moves.c.is_roll_back)
    for move in connection.execute(query.where(alias_moves.c.name == PRODUCTION).order_by(alias_moves.c.id)):
        if move.is_roll_back:
            while line and line[-1] != move.to_version:
                line.pop()
        if not line or line[-1] != move.to_version:
            line.append(move.to_version)
    return line
