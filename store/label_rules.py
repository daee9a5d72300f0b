"""Pure: what a sample's labels amount to, once several sources have had their say."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["accepted", "conflict", "quarantined"]
Status = Literal["accepted", "duplicate", "corrected", "conflict", "quarantined"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sample stands: its state, and the label in force, None unless it is accepted."""

    state: State
    label: str | None


UNLABELLED = Standing("quarantined", None)


def standing(latest: Mapping[str, str], class_names: Collection[str]) -> Standing:
    """Return where a sample stands, from the latest label of each source.

    Classes that differ leave it in conflict, and no class at all in quarantine. A label that is no class
    doesn't count beside one that is: a source's slip of the pen must not undo another's label.

    >>> standing({"ann": "bee", "ben": "bee"}, ["ant", "bee"])
    Standing(state='accepted', label='bee')
    >>> standing({"ann": "bee", "ben": "ant"}, ["ant", "bee"])
    Standing(state='conflict', label=None)
    >>> standing({"ann": "bee", "ben": "beee"}, ["ant", "bee"])
    Standing(state='accepted', label='bee')
    """
    said = {label for label in latest.values() if label in class_names}
    if len(said) > 1:
        return Standing("conflict", None)
    return Standing("accepted", said.pop()) if said else UNLABELLED


def status_of(
    source: str,
    label: str,
    *,
    before: Mapping[str, str],
    was: Standing | None,
    stands: Standing,
    class_names: Collection[str],
) -> Status:
    """Return what to answer to the source of a label.

    Args:
        source: Who sent it.
        label: What was sent.
        before: The latest label of each source before it.
        was: Where the sample stood before; None for a new one.
        stands: Where it stands now.
        class_names: What production knows.
    """
    if label not in class_names:
        return "quarantined"
    if was is None:
        return "accepted"
    is_repeat = before.get(source) == label
    if stands.state == "conflict":
        return "duplicate" if is_repeat else "conflict"
    # Another source that says the same changes nothing either.
    is_unchanged = stands == was and (is_repeat or source not in before)
    return "duplicate" if is_unchanged else "corrected"


def nearest_class(label: str, class_names: Collection[str]) -> str | None:
    """Return the class whose name is most like a label.

    >>> nearest_class("Beees", ["ant", "bee"])
    'bee'
    """
    folded = {name.casefold(): name for name in class_names}
    close = difflib.get_close_matches(label.casefold(), folded, n=1, cutoff=0.0)
    return folded[close[0]] if close else None
