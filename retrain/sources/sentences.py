"""Says in a sentence what a round found of a source, and of all of them."""

from collections.abc import Sequence

from retrain.gate.wording import p_value
from retrain.sources.naming import MIN_LABELS, SourceDoubt


def sentence_of(doubt: SourceDoubt) -> str:
    """Return why a source is named, or why not."""
    if doubt.is_named:
        return f"Named: {_share(doubt)}, more than chance explains ({p_value(doubt.p_value)})."
    if doubt.num_compared < MIN_LABELS:
        return (
            f"Not named: {doubt.num_compared} of its labels are of a class and confidence of which others "
            f"gave labels too, and it takes {MIN_LABELS}."
        )
    return f"Not named: {_share(doubt)}."


def round_sentence(doubts: Sequence[SourceDoubt], num_left_out: int) -> str:
    """Return what a round found; nothing where it names nobody."""
    named = [doubt for doubt in doubts if doubt.is_named]
    if not named:
        return ""
    who = "; ".join(f"{doubt.source}, {_share(doubt)}, {p_value(doubt.p_value)}" for doubt in named)
    return (
        f"Bad labels come from {who}. The {num_left_out} doubtful ones were not learnt; a person decides on "
        "the rest."
    )


def _share(doubt: SourceDoubt) -> str:
    return (
        f"{100 * doubt.share_doubtful:.0f} % of its labels are doubtful, and "
        f"{100 * doubt.share_of_others:.0f} % of others' of like images"
    )
