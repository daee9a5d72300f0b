"""The samples of accepted classes that a round is to learn, and those that are held out to judge it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select, update

from store.classes.decisions import BY_RULE, read_decisions
from store.classes.unknown_labels import samples_called
from store.database.chunks import chunks
from store.database.schema import labels, samples
from store.samples.clusters import clusters_of
from store.samples.label_rules import GivenLabel, resolve_labels
from store.samples.pending import TRAINING_SPLITS
from store.samples.sample import Sample, sample_of
from store.samples.splits import SplitSettings, splitter
from store.versions import production_classes

#: One in two of a new class's pictures is held out until there are so many.
MAX_HELD_OUT = 20
#: Held-out pictures that prove a class; with fewer a person decides on it.
MIN_HELD_OUT = 12
_SPLITS = (*TRAINING_SPLITS, "holdout")


def classes_to_learn(connection: Connection) -> dict[str, str]:
    """Return class → who accepted it, of the accepted classes that production does not know."""
    known = set(production_classes(connection) or ())
    return {
        name: said.decided_by
        for name, said in read_decisions(connection).items()
        if said.word == "accepted" and name not in known
    }


def samples_to_learn(connection: Connection) -> dict[str, list[Sample]]:
    """Return class → its samples in quarantine, with the label and the revision that would be in force.

    Samples on which sources disagree are left out, and so are classes that nobody but the rule accepted and
    of which fewer than `MIN_HELD_OUT` can be held out: nobody would decide on those.
    """
    accepted = classes_to_learn(connection)
    names = [*(production_classes(connection) or ()), *accepted]
    by_class = {}
    for name, by in accepted.items():
        found = [sample_of(row) for row in connection.execute(samples_called(name))]
        members = _labelled([each for each in found if each.split in _SPLITS], names, connection)
        own = [sample for sample in members if sample.label == name]
        if own and not (by == BY_RULE and num_to_hold_out(own) < MIN_HELD_OUT):
            by_class[name] = own
    return by_class


def num_to_learn(connection: Connection) -> tuple[int, int]:
    """Return how many samples of accepted classes wait to be learnt, and how many of them are held out."""
    waiting = [sample for own in samples_to_learn(connection).values() for sample in own]
    return len(waiting), sum(sample.split == "holdout" for sample in waiting)


def num_to_hold_out(own: Sequence[Sample]) -> int:
    """Return how many pictures of a class are to be held out: half of them, `MAX_HELD_OUT` at most."""
    return min(MAX_HELD_OUT, len(set(clusters_of(own))) // 2)


def hold_out(connection: Connection) -> dict[str, int]:
    """Hold out samples of the accepted classes until half of each class, or `MAX_HELD_OUT`, is.

    Their own hashes keep one in five for the gate, which is too few of a small class. The rest is taken in
    the order of the keyed hash, whole clusters at a time, so that nobody can choose it.

    Returns:
        Class → how many samples were taken from training.
    """
    rank = splitter(connection, SplitSettings()).rank
    taken = {}
    for name, own in samples_to_learn(connection).items():
        ids = [sample.id for sample in _missing(_free(connection, own), own, rank)]
        for chunk in chunks(ids):
            connection.execute(update(samples).where(samples.c.id.in_(chunk)).values(split="holdout"))
        taken[name] = len(ids)
    return taken


def _missing(free: set[int], own: Sequence[Sample], rank: Callable[[str], int]) -> list[Sample]:
    """Return the samples that are to be held out beside those that are."""
    clusters: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample, cluster in zip(own, clusters_of(own), strict=True):
        clusters[cluster].append(sample)
    num_held_out = sum(any(s.split == "holdout" for s in members) for members in clusters.values())
    candidates = [
        members
        for members in clusters.values()
        if all(s.split != "holdout" and s.id in free for s in members)
    ]
    num_more = max(0, num_to_hold_out(own) - num_held_out)
    chosen = sorted(candidates, key=lambda members: rank(members[0].sha256))[:num_more]
    return [sample for members in chosen for sample in members]


def _free(connection: Connection, own: Sequence[Sample]) -> set[int]:
    """Return the ids of samples without a group, or of a group that has no samples of other classes.

    What was learnt of a group is known of all of its images.
    """
    in_class: defaultdict[str, int] = defaultdict(int)
    for sample in own:
        if sample.group is not None:
            in_class[sample.group] += 1
    num_all: dict[str, int] = {}
    for chunk in chunks(sorted(in_class)):
        query = select(samples.c.group, func.count()).where(samples.c.group.in_(chunk))
        num_all |= {group: int(num) for group, num in connection.execute(query.group_by(samples.c.group))}
    return {
        sample.id for sample in own if sample.group is None or num_all[sample.group] == in_class[sample.group]
    }


def _labelled(found: Iterable[Sample], names: Sequence[str], connection: Connection) -> list[Sample]:
    """Return samples with the label that they have once the names are classes; those in conflict go."""
    by_id = {sample.id: sample for sample in found}
    histories = _histories(connection, by_id)
    labelled = []
    for sample_id, sample in by_id.items():
        said = resolve_labels([given for _, given in histories[sample_id]], names)
        if said.label is None:
            continue
        revision = max(number for number, given in histories[sample_id] if given.label == said.label)
        labelled.append(
            replace(sample, label=said.label, label_revision=revision, is_trusted=said.is_trusted)
        )
    return labelled


def _histories(
    connection: Connection, by_id: Mapping[int, Sample]
) -> dict[int, list[tuple[int, GivenLabel]]]:
    histories: dict[int, list[tuple[int, GivenLabel]]] = {sample_id: [] for sample_id in by_id}
    for chunk in chunks(sorted(by_id)):
        query = select(labels).where(labels.c.sample_id.in_(chunk)).order_by(labels.c.id)
        for row in connection.execute(query):
            given = GivenLabel(row.source, row.label, row.is_trusted, row.is_settlement)
            histories[row.sample_id].append((row.id, given))
    return histories
