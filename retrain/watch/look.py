"""The learner's look at a watch: it counts the labels that came, and acts on what the rule decides."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from retrain.watch import sentence
from retrain.watch.roll_back import go_back, learnable_samples
from retrain.watch.rule import LabelCounts, Tally, decide, evidence
from store.database.database import Database
from store.errors import NoPredecessorError, VersionRetiredError
from store.evidence.pools import LabelOf, labels_of
from store.evidence.watch_images import AnsweredImage, answered_images
from store.evidence.watches import Watch, WatchState, current_watch, end_watch, note_figures
from store.version_history import main_sources, sources_learnt

log = logging.getLogger(__name__)


def look(database: Database) -> None:
    """Count the labels of the watch in force, and write down how it stands, or end it where that is decided.

    Where production is worse, its predecessor becomes production again.

    Raises:
        FencedError: The database is fenced, and the lease has gone.
    """
    with database.read() as connection:
        watch = current_watch(connection)
        if watch is None:
            return
        images = [image for image in answered_images(connection, watch.id) if image.differs]
        labels = labels_of(connection, [image.sha256 for image in images])
    tally = count(watch.num_images, images, labels)
    if decide(tally) in ("rolled_back", "confirmed"):
        # Read only where they could hold the decision back: a look comes every few seconds.
        tally = _with_learnt(database, watch.version, tally)
    decision = decide(tally)
    if decision == "watching":
        _note(database, watch, tally)
    elif decision == "rolled_back":
        _roll_back(database, watch, tally, [image.sha256 for image in images if _is_lost(image, labels)])
    else:
        say = sentence.confirmed if decision == "confirmed" else sentence.unconfirmed
        _end(database, watch, decision, say(watch.version, watch.predecessor, tally), tally)


def count(num_images: int, images: Sequence[AnsweredImage], labels: Mapping[str, LabelOf]) -> Tally:
    """Return the counts of a watch.

    Args:
        num_images: Images that both answered, one of each cluster.
        images: Those on which the answers differ.
        labels: SHA-256 → what people said, where they said something.
    """
    known = [(image, labels[image.sha256]) for image in images if image.sha256 in labels]
    said_by: dict[str | None, list[tuple[AnsweredImage, LabelOf]]] = defaultdict(list)
    for image, said in known:
        said_by[said.source].append((image, said))
    counts = _counts(known)
    return Tally(
        num_images=num_images,
        num_lost=counts.num_lost,
        num_won=counts.num_won,
        num_open=len(images) - len(known),
        num_neither=counts.num_neither,
        by_source={source: _counts(part) for source, part in said_by.items() if source is not None},
        trusted=frozenset(said.source for _, said in known if said.is_trusted and said.source is not None),
    )


def _with_learnt(database: Database, version: str, tally: Tally) -> Tally:
    """Return the counts with the sources of what production learnt."""
    with database.read() as connection:
        learnt = main_sources(sources_learnt(connection, version))
    return replace(
        tally,
        learnt_from=frozenset(each.source for each in learnt),
        trusted=tally.trusted | {each.source for each in learnt if each.is_trusted},
    )


def figures(tally: Tally, text: str) -> dict[str, float | int | str]:
    """Return what is stored of a look: the counts, the evidence against production, and a sentence."""
    return {
        "lost": tally.num_lost,
        "won": tally.num_won,
        "open": tally.num_open,
        "neither": tally.num_neither,
        "evidence": evidence(tally.num_lost, tally.num_won + tally.num_open),
        "sentence": text,
    }


def _counts(known: Sequence[tuple[AnsweredImage, LabelOf]]) -> LabelCounts:
    num_lost = sum(said.label == image.predecessor_label for image, said in known)
    num_won = sum(said.label == image.production_label for image, said in known)
    return LabelCounts(num_lost, num_won, len(known) - num_lost - num_won)


def _is_lost(image: AnsweredImage, labels: Mapping[str, LabelOf]) -> bool:
    return image.sha256 in labels and labels[image.sha256].label == image.predecessor_label


def _note(database: Database, watch: Watch, tally: Tally) -> None:
    standing = figures(tally, sentence.watching(watch.version, watch.predecessor, tally))
    if standing != watch.figures:
        database.write(partial(note_figures, watch_id=watch.id, figures=standing))


def _roll_back(database: Database, watch: Watch, tally: Tally, lost: Sequence[str]) -> None:
    with database.read() as connection:
        sources = sources_learnt(connection, watch.version)
    reason = sentence.rolled_back(watch.version, watch.predecessor, tally, sources)
    learnable = learnable_samples(database, lost)

    def work(connection: Connection) -> bool:
        if not _is_in_force(connection, watch):
            return False
        go_back(connection, watch, reason, figures(tally, reason), learnable)
        return True

    try:
        if database.write(work):
            log.error("%s", reason)
    except (NoPredecessorError, VersionRetiredError) as error:
        log.error("%s", error)
        _end(
            database, watch, "unconfirmed", f"{reason} {watch.predecessor} can't serve again: {error}", tally
        )


def _end(database: Database, watch: Watch, state: WatchState, reason: str, tally: Tally) -> None:
    def work(connection: Connection) -> None:
        if _is_in_force(connection, watch):
            end_watch(connection, watch.id, state, reason, figures(tally, reason))

    database.write(work)
    log.info("%s", reason)


def _is_in_force(connection: Connection, watch: Watch) -> bool:
    # A person may have moved production since the counts were read.
    current = current_watch(connection)
    return current is not None and current.id == watch.id
