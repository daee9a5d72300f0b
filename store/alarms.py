"""Alarms: what a person should look at, since the images changed or more answers are wrong."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from store.database.database import now
from store.database.schema import alarm_images
from store.database.schema import alarms as alarms_table
from store.drift_references import begin_reference
from store.errors import AlarmEndedError, UnknownAlarmError
from store.evidence.questions import ALARM, ask, withdraw

AlarmKind = Literal["looks", "class_mix", "errors"]
AlarmState = Literal["open", "acknowledged", "accepted", "ended"]

#: All kinds, in the order of the alphabet.
KINDS: Final[tuple[AlarmKind, ...]] = tuple(sorted(get_args(AlarmKind)))
_MAX_TEXT = 1000
_IS_UNENDED = alarms_table.c.ended.is_(None)


@dataclass(frozen=True, slots=True)
class AlarmImage:
    """An image that made an alarm.

    Attributes:
        sha256: Names its bytes.
        prediction_id: What was answered on it.
        nearest_sha256: Of the normal image that is most like it; None where that was deleted.
    """

    sha256: str
    prediction_id: str
    nearest_sha256: str | None


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """An alarm that is about to be raised.

    Attributes:
        version: What answers.
        kind: looks: the images look otherwise. class_mix: they look as ever, but other classes come.
            errors: more answers are wrong.
        detector: What noticed.
        since: Since when it is so, as far as can be told.
        sentence: What is the matter, for people; cut after 1,000 characters.
        figures: What was counted or measured, by name.
        classes: Those in which it shows most, most first.
        images: Those that made it most.
    """

    version: str
    kind: AlarmKind
    detector: str
    since: datetime
    sentence: str
    figures: Mapping[str, float] = field(default_factory=dict)
    classes: Sequence[str] = ()
    images: Sequence[AlarmImage] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it is stored; the attributes that it shares with `NewAlarm` mean the same.

    Attributes:
        id: Its number; never given again.
        state: open: nobody looked yet. acknowledged: somebody did, and it goes on. accepted: a person said
            that this is normal now. ended: production changed, so that it is judged anew.
        raised: When it was raised.
        ended: When it was accepted, or ended by itself.
        acted: When somebody acted last, or when it ended by itself.
        acted_by: Who: a key's name, a person at the command line, or the learner.
        reason: Why.
    """

    id: int
    version: str
    kind: AlarmKind
    detector: str
    state: AlarmState
    raised: datetime
    since: datetime
    ended: datetime | None
    sentence: str
    figures: dict[str, float]
    classes: tuple[str, ...]
    acted: datetime | None
    acted_by: str | None
    reason: str | None
    images: tuple[AlarmImage, ...]


def raise_alarm(connection: Connection, new: NewAlarm) -> Alarm | None:
    """Store an alarm, and ask for the labels of its images; None where one of its kind has not ended."""
    if any(alarm.kind == new.kind for alarm in unended_alarms(connection)):
        return None
    alarm_id = connection.execute(
        insert(alarms_table)
        .values(
            version=new.version,
            kind=new.kind,
            detector=new.detector,
            state="open",
            raised=now(connection),
            since=new.since,
            sentence=new.sentence[:_MAX_TEXT],
            figures=dict(new.figures),
            classes=list(new.classes),
        )
        .returning(alarms_table.c.id)
    ).scalar_one()
    _show(connection, alarm_id, new.images)
    ask(connection, [image.sha256 for image in new.images], ALARM)
    return find_alarm(connection, alarm_id)


def tell_again(connection: Connection, alarm_id: int, new: NewAlarm) -> bool:
    """Tell better what an alarm is about, since more images came; it stays raised when it was.

    Args:
        connection: Of a write.
        alarm_id: Which one.
        new: What is known now. Its kind may be another one.

    Returns:
        Whether it was told: not where the alarm has ended, or another of the new kind goes on.

    Raises:
        UnknownAlarmError: There is none of that number.
    """
    alarm = find_alarm(connection, alarm_id)
    others = {each.kind for each in unended_alarms(connection) if each.id != alarm_id}
    if alarm.ended is not None or new.kind in others:
        return False
    before, after = ({image.sha256 for image in each.images} for each in (alarm, new))
    withdraw(connection, before - after)
    connection.execute(delete(alarm_images).where(alarm_images.c.alarm_id == alarm_id))
    told = {
        "kind": new.kind,
        "since": new.since,
        "sentence": new.sentence[:_MAX_TEXT],
        "figures": dict(new.figures),
        "classes": list(new.classes),
    }
    connection.execute(update(alarms_table).where(alarms_table.c.id == alarm_id).values(**told))
    _show(connection, alarm_id, new.images)
    ask(connection, [image.sha256 for image in new.images if image.sha256 not in before], ALARM)
    return True


def find_alarm(connection: Connection, alarm_id: int) -> Alarm:
    """Return the alarm of that number.

    Raises:
        UnknownAlarmError: There is none.
    """
    row = connection.execute(select(alarms_table).where(alarms_table.c.id == alarm_id)).one_or_none()
    if row is None:
        raise UnknownAlarmError(f"Expected the id of an alarm, found {alarm_id}. None has it.")
    return _alarms(connection, [row._mapping])[0]


def read_alarms(connection: Connection, limit: int = 50, before: int | None = None) -> list[Alarm]:
    """Return alarms, newest first, those older than alarm `before` where it is given."""
    query = select(alarms_table).order_by(alarms_table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(alarms_table.c.id < before)
    return _alarms(connection, [row._mapping for row in connection.execute(query)])


def unended_alarms(connection: Connection) -> list[Alarm]:
    """Return the alarms that are open or acknowledged, newest first; of each kind there is one at most."""
    query = select(alarms_table).where(_IS_UNENDED).order_by(alarms_table.c.id.desc())
    return _alarms(connection, [row._mapping for row in connection.execute(query)])


def shown_image(connection: Connection, alarm_id: int, sha256: str) -> str:
    """Return the SHA-256 of an image that an alarm shows, as it was asked for.

    Raises:
        UnknownAlarmError: There is no such alarm, or it does not show that image.
    """
    images = find_alarm(connection, alarm_id).images
    if not any(sha256 in (image.sha256, image.nearest_sha256) for image in images):
        raise UnknownAlarmError(
            f"Expected the SHA-256 of an image that alarm {alarm_id} shows, found {sha256[:80]!r}."
        )
    return sha256


def num_alarms_open(connection: Connection) -> dict[AlarmKind, int]:
    """Return kind → how many alarms of it nobody looked at yet."""
    is_open = _IS_UNENDED & (alarms_table.c.state == "open")
    query = select(alarms_table.c.kind, func.count().label("num")).where(is_open)
    return _by_kind({row.kind: row.num for row in connection.execute(query.group_by(alarms_table.c.kind))})


def num_alarms_raised(connection: Connection) -> dict[AlarmKind, int]:
    """Return kind → how many alarms of it were ever raised."""
    query = select(alarms_table.c.kind, func.count().label("num")).group_by(alarms_table.c.kind)
    return _by_kind({row.kind: row.num for row in connection.execute(query)})


def acknowledge(connection: Connection, alarm_id: int, reason: str, by: str) -> Alarm:
    """Note that a person looked at an alarm; it goes on, and no other of its kind is raised meanwhile.

    Args:
        connection: Of a write.
        alarm_id: Which one.
        reason: What the person has to say; cut after 1,000 characters.
        by: Who.

    Raises:
        UnknownAlarmError: There is none of that number.
        AlarmEndedError: It has ended.
    """
    _refuse_ended(find_alarm(connection, alarm_id))
    _act(connection, alarm_id, "acknowledged", reason, by)
    return find_alarm(connection, alarm_id)


def accept(connection: Connection, alarm_id: int, reason: str, by: str) -> Alarm:
    """Make what comes from now on normal: the alarm ends, and so do others about the images.

    What is normal is collected anew, until when no further alarm about images is raised.

    Args:
        connection: Of a write.
        alarm_id: Which one.
        reason: Why this is normal; cut after 1,000 characters.
        by: Who says so.

    Raises:
        UnknownAlarmError: There is none of that number.
        AlarmEndedError: It has ended.
    """
    accepted = find_alarm(connection, alarm_id)
    _refuse_ended(accepted)
    for alarm in unended_alarms(connection):
        # More errors may have a reason that has nothing to do with how the images look.
        if alarm.id == alarm_id or (alarm.kind != "errors" and accepted.kind != "errors"):
            end_alarm(connection, alarm, "accepted", reason, by)
    begin_reference(connection, accepted.version)
    return find_alarm(connection, alarm_id)


def end_alarm(
    connection: Connection, alarm: Alarm, state: Literal["accepted", "ended"], reason: str, by: str
) -> None:
    """End an alarm: the labels of its images are asked for no longer, and its images may go.

    Args:
        connection: Of a write.
        alarm: One that has not ended.
        state: accepted by a person, or ended since production changed.
        reason: Why; cut after 1,000 characters.
        by: Who.
    """
    _act(connection, alarm.id, state, reason, by)
    withdraw(connection, [image.sha256 for image in alarm.images])


def _show(connection: Connection, alarm_id: int, images: Sequence[AlarmImage]) -> None:
    rows = [
        {
            "alarm_id": alarm_id,
            "position": position,
            "sha256": image.sha256,
            "prediction_id": image.prediction_id,
            "nearest_sha256": image.nearest_sha256,
        }
        for position, image in enumerate(images)
    ]
    if rows:
        connection.execute(insert(alarm_images), rows)


def _act(connection: Connection, alarm_id: int, state: AlarmState, reason: str, by: str) -> None:
    moment = now(connection)
    values = {"state": state, "acted": moment, "acted_by": by, "reason": reason[:_MAX_TEXT]}
    if state in ("accepted", "ended"):
        values["ended"] = moment
    connection.execute(update(alarms_table).where(alarms_table.c.id == alarm_id).values(**values))


def _refuse_ended(alarm: Alarm) -> None:
    if alarm.ended is not None:
        raise AlarmEndedError(
            f"Expected an alarm that goes on, found alarm {alarm.id}, which is {alarm.state} since "
            f"{alarm.ended:%Y-%m-%d %H:%M} UTC. Nothing was changed."
        )


def _by_kind(counted: Mapping[str, int]) -> dict[AlarmKind, int]:
    return {kind: int(counted.get(kind, 0)) for kind in KINDS}


def _alarms(connection: Connection, rows: Sequence[RowMapping]) -> list[Alarm]:
    images: defaultdict[int, list[AlarmImage]] = defaultdict(list)
    query = select(alarm_images).where(alarm_images.c.alarm_id.in_([row["id"] for row in rows]))
    for row in connection.execute(query.order_by(alarm_images.c.alarm_id, alarm_images.c.position)):
        images[row.alarm_id].append(AlarmImage(row.sha256, row.prediction_id, row.nearest_sha256))
    return [
        Alarm(**{**row, "classes": tuple(row["classes"]), "images": tuple(images[row["id"]])}) for row in rows
    ]
