"""Decides the split of a new sample: by what is near to it, by what the log decided, or by its hash."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select

from store.database.chunks import chunks
from store.database.schema import held_out_images, predictions
from store.samples.near_duplicates import near_samples
from store.samples.new_samples import NewSample, with_group
from store.samples.splits import Splitter, inherited_split

# Built once: building a statement takes longer than running it.
_LOGGED = (
    select(predictions.c.sha256)
    .where(predictions.c.sha256.in_(bindparam("sha256s", expanding=True)))
    .distinct()
)
_HELD_OUT = select(held_out_images.c.sha256, held_out_images.c.judged_in, held_out_images.c.group).where(
    held_out_images.c.sha256.in_(bindparam("sha256s", expanding=True))
)


#: Near-duplicates that are held out; one of them judges, so further ones would only be kept from learning.
MAX_HELD_OUT_ALIKE = 20


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the log decided on an image that was predicted.

    Attributes:
        is_held_out: It may judge, so nothing is learnt from it; False once a round judged on it.
        group: The group that its first client put it into, where it is held out.
    """

    is_held_out: bool = False
    group: str | None = None


def sightings(connection: Connection, sha256s: Collection[str]) -> Mapping[str, Sighting]:
    """Return what the log decided on those of the images that it knows, or that it held out once."""
    known: dict[str, Sighting] = {}
    for chunk in chunks(sha256s):
        logged = connection.execute(_LOGGED, {"sha256s": chunk}).scalars()
        known |= dict.fromkeys(logged, Sighting())
        for row in connection.execute(_HELD_OUT, {"sha256s": chunk}):
            known[row.sha256] = Sighting(row.judged_in is None, row.group)
    return known


def as_seen(new: NewSample, sighting: Sighting | None) -> NewSample:
    """Return a sample with what the log knows of its image: nobody sends directly what was predicted here."""
    if sighting is None:
        return new
    origin = "volunteered" if new.origin == "direct" else new.origin
    return replace(new, origin=origin, group=new.group or sighting.group)


def split_of_new(
    connection: Connection, new: NewSample, sighting: Sighting | None, split_by: Splitter
) -> str:
    """Return the split of a new sample: that of its near-duplicates, else what the log decided, else its own.

    What is near to a learnt sample must not judge, and what is near to a judged one must not be learnt.
    """
    near = near_samples(connection, new.phash, split_by.settings.near_duplicate_distance)
    if near.num_held_out >= MAX_HELD_OUT_ALIKE:
        return "surplus"
    if near.split is None and sighting is not None and sighting.is_held_out:
        return "holdout"
    known = with_group(connection, near.split, new.group)
    if known is not None:
        return inherited_split(known)
    key = split_by.key(new.sha256, new.source, new.group)
    # The first prediction decided whether it is held out, by the source and group that it came from.
    return split_by.split_of(key) if sighting is None else split_by.learning_split(key)
