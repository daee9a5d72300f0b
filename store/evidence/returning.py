"""Returns held-out samples to training, whole clusters at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select, update

from store.database.chunks import chunks
from store.database.schema import samples
from store.samples.clusters import join, near_any, near_pairs, pairs_of_one
from store.samples.pending import JUDGING_SPLITS, recount_pending
from store.samples.sample import Sample, sample_of, select_samples

# With the states named an index finds the judging samples, of which there are few.
_STATES = ("accepted", "conflict", "quarantined", "withheld")
_IS_JUDGING = samples.c.state.in_(_STATES) & samples.c.split.in_(JUDGING_SPLITS)


def returnable(connection: Connection, ending: Collection[int]) -> list[list[Sample]]:
    """Return the clusters that may be learnt once the samples `ending` judge no more.

    A cluster with any other judging sample stays as a whole: what is learnt of a picture or of its group is
    known of all its near-duplicates, whatever their labels.

    Args:
        connection: Where the samples are.
        ending: Ids of those that are to end; those that judge no more, or were deleted, are passed over.
    """
    members = _judging(connection, ending)
    phashes = [sample.phash for sample in members]
    pairs = [*pairs_of_one([sample.group for sample in members]), *near_pairs(phashes)]
    others = select(samples.c.id, samples.c.phash, samples.c.group).where(_IS_JUDGING)
    staying = [row for row in connection.execute(others) if row.id not in ending]
    kept = near_any(phashes, (row.phash for row in staying))
    groups = {row.group for row in staying} - {None}
    kept |= {index for index, sample in enumerate(members) if sample.group in groups}
    clusters: defaultdict[int, list[int]] = defaultdict(list)
    for index, cluster in enumerate(join(len(members), pairs)):
        clusters[cluster].append(index)
    return [[members[index] for index in each] for each in clusters.values() if kept.isdisjoint(each)]


def return_to_training(connection: Connection, sample_ids: Iterable[int]) -> None:
    """Let samples be learnt from now on."""
    for chunk in chunks(sorted(sample_ids)):
        is_held_out = samples.c.id.in_(chunk) & samples.c.split.in_(JUDGING_SPLITS)
        connection.execute(update(samples).where(is_held_out).values(split="train"))
    recount_pending(connection)


def present(connection: Connection, sample_ids: Iterable[int]) -> list[int]:
    """Return those of the ids whose samples were not deleted, in order."""
    known: list[int] = []
    for chunk in chunks(sorted(sample_ids)):
        known += connection.execute(select(samples.c.id).where(samples.c.id.in_(chunk))).scalars()
    return sorted(known)


def _judging(connection: Connection, sample_ids: Iterable[int]) -> list[Sample]:
    members: list[Sample] = []
    for chunk in chunks(sorted(sample_ids)):
        # By the ids: few of the judging samples are asked for.
        query = select_samples().where(samples.c.id.in_(chunk), samples.c.split.in_(JUDGING_SPLITS))
        members += [sample_of(row) for row in connection.execute(query.order_by(samples.c.id))]
    return members
