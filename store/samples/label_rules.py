"""Decides a sample's state and its label in force from the labels of several sources; pure functions."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

# Twice the letters that two names share in order, over the letters of both.
MIN_LIKENESS = 0.6

State = Literal["accepted", "conflict", "quarantined"]
Status = Literal["accepted", "duplicate", "corrected", "conflict", "quarantined"]


@dataclass(frozen=True, slots=True)
class LabelState:
    """A sample's state, and its label in force, which is None unless the sample is accepted."""

    state: State
    label: str | None


UNLABELLED = LabelState("quarantined", None)


def latest_labels(history: Iterable[tuple[str, str]], class_names: Collection[str]) -> dict[str, str]:
    """Return the label of each source that counts: its last one that is a class, or else its last one.

    >>> latest_labels([("ann", "bee"), ("ann", "beee")], ["ant", "bee"])
    {'ann': 'bee'}

    Args:
        history: (source, label) of all labels of a sample, oldest first.
        class_names: What production knows.
    """
    latest: dict[str, str] = {}
    for source, label in history:
        if label in class_names or latest.get(source) not in class_names:
            latest[source] = label
    return latest


def resolve_labels(latest: Mapping[str, str], class_names: Collection[str]) -> LabelState:
    """Return a sample's state and label from the label of each source, as `latest_labels` gives them.

    Different classes put it in conflict; no class at all puts it in quarantine. A label that is no class
    doesn't count beside one that is: a typing error must not undo a label.

    >>> resolve_labels({"ann": "bee", "ben": "bee"}, ["ant", "bee"])
    LabelState(state='accepted', label='bee')
    >>> resolve_labels({"ann": "bee", "ben": "ant"}, ["ant", "bee"])
    LabelState(state='conflict', label=None)
    >>> resolve_labels({"ann": "bee", "ben": "beee"}, ["ant", "bee"])
    LabelState(state='accepted', label='bee')
    """
    classes = {label for label in latest.values() if label in class_names}
    if len(classes) > 1:
        return LabelState("conflict", None)
    return LabelState("accepted", classes.pop()) if classes else UNLABELLED


def status_of(
    source: str,
    label: str,
    *,
    labels_before: Mapping[str, str],
    state_before: LabelState | None,
    state_now: LabelState,
    class_names: Collection[str],
) -> Status:
    """Return what to answer to the source of a label.

    Args:
        source: Who sent it.
        label: What was sent.
        labels_before: The label of each source before it, as `latest_labels` gives them.
        state_before: The sample's state before it; None for a new sample.
        state_now: The sample's state with it.
        class_names: What production knows.
    """
    if label not in class_names:
        return "quarantined"
    if state_before is None:
        return "accepted"
    is_repeat = labels_before.get(source) == label
    if state_now.state == "conflict":
        return "duplicate" if is_repeat else "conflict"
    # The same label from another source changes nothing either.
    is_unchanged = state_now == state_before and (is_repeat or source not in labels_before)
    return "duplicate" if is_unchanged else "corrected"


def nearest_class(label: str, class_names: Collection[str]) -> str | None:
    """Return the class whose name is most like a label, or None if none is like it.

    >>> nearest_class("Beees", ["ant", "bee"])
    'bee'
    >>> nearest_class("qwertz", ["ant", "bee"])
    """
    folded = {name.casefold(): name for name in class_names}
    close = difflib.get_close_matches(label.casefold(), folded, n=1, cutoff=MIN_LIKENESS)
    return folded[close[0]] if close else None
