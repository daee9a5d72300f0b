"""Says in a sentence how a watch stands, or why it ended."""

from collections.abc import Sequence

from retrain.watch.rule import (
    MAX_IMAGES,
    MIN_EVIDENCE,
    MIN_SOURCES,
    Tally,
    decisive_source,
    evidence,
)
from store.version_history import LearntSource

# Named in a sentence, at most.
_MAX_SOURCES = 5


def watching(version: str, predecessor: str, tally: Tally) -> str:
    """Return how a watch stands that did not decide yet."""
    num_differing = tally.num_lost + tally.num_won + tally.num_open + tally.num_neither
    return (
        f"{version} is watched: of {_images(tally)} it answered {num_differing:,} otherwise than "
        f"{predecessor}, of which it lost {tally.num_lost:,} and won {tally.num_won:,}; {tally.num_open:,} "
        f"want a label.{_held_back(tally)}"
    )


def rolled_back(version: str, predecessor: str, tally: Tally, sources: Sequence[LearntSource]) -> str:
    """Return why production was rolled back.

    Args:
        version: What was production.
        predecessor: What is production again.
        tally: The counts that decided.
        sources: The sources of what the version learnt, largest first.
    """
    against = tally.num_won + tally.num_open
    counted = f" ({tally.num_open:,} of these want a label, and count for it)" if tally.num_open else ""
    return (
        f"{version} was worse than {predecessor}: of {_images(tally)} it lost {tally.num_lost:,} and won "
        f"{against:,}{counted}; the evidence is {_evidence(tally.num_lost, against)}, and "
        f"{MIN_EVIDENCE:.0f} is enough.{_labelled_by(tally)}{_learnt_from(version, sources)}"
    )


def confirmed(version: str, predecessor: str, tally: Tally) -> str:
    """Return why a watch ended in favour of production."""
    return (
        f"{version} is confirmed: of {_images(tally)} it won {tally.num_won:,} over {predecessor} and lost "
        f"{tally.num_lost + tally.num_open:,}."
    )


def unconfirmed(version: str, predecessor: str, tally: Tally) -> str:
    """Return why a watch ended without a decision."""
    return (
        f"{version} stays unconfirmed: {MAX_IMAGES:,} images did not tell it from {predecessor}; it lost "
        f"{tally.num_lost:,} and won {tally.num_won:,}, and {tally.num_open:,} had no label."
        f"{_held_back(tally)}"
    )


def _evidence(num_lost: int, num_won: int) -> str:
    value = evidence(num_lost, num_won)
    return f"{value:,.0f}" if value < 1e6 else "over a million"


def _images(tally: Tally) -> str:
    return "one image" if tally.num_images == 1 else f"{tally.num_images:,} images"


def _held_back(tally: Tally) -> str:
    source = decisive_source(tally)
    return (
        ""
        if source is None
        else f" Without the labels of {source} nothing is proven, so these don't decide: have others, or a "
        "trusted key, label some, or roll back by hand."
    )


def _labelled_by(tally: Tally) -> str:
    if not 0 < len(tally.by_source) < MIN_SOURCES:
        return ""
    return f" All its labels are of {' and '.join(sorted(tally.by_source))}."


def _learnt_from(version: str, sources: Sequence[LearntSource]) -> str:
    if not sources:
        return ""
    named = ", ".join(f"{each.source} ({each.num:,})" for each in sources[:_MAX_SOURCES])
    return f" The labels that {version} had learnt are of: {named}."
