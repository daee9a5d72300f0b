"""Decides a sample's state and its label in force from the labels of several sources; pure functions."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

# Twice the letters that two names share in order, over the letters of both.
MIN_LIKENESS = 0.6

State = Literal["accepted", "conflict", "quarantined", "withheld"]
Status = Literal["accepted", "duplicate", "corrected", "conflict", "quarantined"]


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A label as a source gave it.

    Attributes:
        source: Who gave it.
        label: What was said.
        is_trusted: Its source had a trusted key, or it came with an initial sample.
        is_settlement: A person settled a dispute with it.
        is_withheld: Its source is quarantined, so that it does not count.
    """

    source: str
    label: str
    is_trusted: bool = False
    is_settlement: bool = False
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class LabelState:
    """What the labels of a sample amount to.

    Attributes:
        state: accepted, conflict, quarantined (no label is a class), or withheld (all labels are of
            quarantined sources).
        label: The label in force; None unless accepted.
        is_trusted: A trusted source or a settlement stands behind the label in force.
    """

    state: State
    label: str | None
    is_trusted: bool = False


UNLABELLED = LabelState("quarantined", None)
WITHHELD = LabelState("withheld", None)


def resolve_labels(history: Sequence[GivenLabel], class_names: Collection[str]) -> LabelState:
    """Return a sample's state and its label in force.

    The last settlement decides. Without one, the first trusted label stays in force until no trusted source
    says it any longer: its own source may correct it, another one can only dispute it. Without either, all
    sources must agree, or the sample is in conflict. A label that is no class never counts, so a typing
    error undoes no label; with no class at all the sample is in quarantine. Nor does a label of a
    quarantined source count; with no other label at all the sample is withheld.

    >>> ann, ben = GivenLabel("ann", "bee"), GivenLabel("ben", "ant")
    >>> resolve_labels([ann, ben], ["ant", "bee"])
    LabelState(state='conflict', label=None, is_trusted=False)
    >>> resolve_labels([ann, GivenLabel("ben", "ant", is_trusted=True)], ["ant", "bee"])
    LabelState(state='accepted', label='ant', is_trusted=True)

    Args:
        history: All labels of the sample, oldest first.
        class_names: What production knows.
    """
    known = _counting(history, class_names)
    settlements = [given.label for given in known if given.is_settlement]
    if settlements:
        return LabelState("accepted", settlements[-1], is_trusted=True)
    trusted = [given for given in known if given.is_trusted]
    if trusted:
        return LabelState("accepted", _first_that_stands(trusted), is_trusted=True)
    said = {given.label for given in latest_labels(known, class_names).values()}
    if len(said) > 1:
        return LabelState("conflict", None)
    if said:
        return LabelState("accepted", said.pop())
    return WITHHELD if history and all(given.is_withheld for given in history) else UNLABELLED


def contradiction(history: Sequence[GivenLabel], class_names: Collection[str]) -> GivenLabel | None:
    """Return the first label that a person has to settle a sample for, or None where there is none.

    Among untrusted sources it is one that another source's label differs from. A settlement and a trusted
    label are contradicted by what comes after them: what untrusted sources said before is settled by them.

    >>> train, ben = GivenLabel("train", "bee", is_trusted=True), GivenLabel("ben", "ant")
    >>> contradiction([train, ben], ["ant", "bee"])
    GivenLabel(source='ben', label='ant', is_trusted=False, is_settlement=False)
    >>> contradiction([ben, train], ["ant", "bee"])

    Args:
        history: All labels of the sample, oldest first.
        class_names: What production knows.
    """
    known = _counting(history, class_names)
    settled = [place for place, given in enumerate(known) if given.is_settlement]
    trusted = [place for place, given in enumerate(known) if given.is_trusted]
    since = known[(settled[-1:] or trusted[:1] or [0])[0] :]
    last = latest_labels(since, class_names)
    in_force = resolve_labels(known, class_names).label or (since[0].label if since else None)
    return next((given for given in last.values() if given.label != in_force), None)


def latest_labels(history: Sequence[GivenLabel], class_names: Collection[str]) -> dict[str, GivenLabel]:
    """Return the label of each source that counts: its last one that is a class, or else its last one.

    >>> said = [GivenLabel("ann", "bee"), GivenLabel("ann", "beee")]
    >>> latest_labels(said, ["ant", "bee"])["ann"].label
    'bee'

    Args:
        history: All labels of a sample, oldest first.
        class_names: What production knows.
    """
    latest: dict[str, GivenLabel] = {}
    for given in history:
        known = latest.get(given.source)
        if known is None or given.label in class_names or known.label not in class_names:
            # Removed first, so that a source that corrected itself stands where it spoke last.
            latest.pop(given.source, None)
            latest[given.source] = given
    return latest


def is_news(history: Sequence[GivenLabel], given: GivenLabel) -> bool:
    """Return whether a label has to be written down: its source said something else last, or with less trust.

    Args:
        history: All labels of the sample, oldest first.
        given: What came.
    """
    last = next((known for known in reversed(history) if known.source == given.source), None)
    if last is None or given.is_settlement or last.label != given.label:
        return True
    return given.is_trusted and not last.is_trusted


def status_of(
    given: GivenLabel,
    *,
    said_before: str | None,
    state_before: LabelState | None,
    state_now: LabelState,
    class_names: Collection[str],
) -> Status:
    """Return what to answer to the source of a label.

    Args:
        given: The label that came.
        said_before: What its source had said last, as `latest_labels` gives it; None where it had not.
        state_before: The sample's state before it; None for a new sample.
        state_now: The sample's state with it.
        class_names: What production knows.
    """
    if given.label not in class_names or given.is_withheld:
        return "quarantined"
    if state_before is None:
        return "accepted"
    if state_now.label != given.label:
        return "duplicate" if said_before == given.label else "conflict"
    # The same label from another source changes nothing either.
    is_unchanged = state_now.label == state_before.label and said_before in (None, given.label)
    return "duplicate" if is_unchanged else "corrected"


def _counting(history: Sequence[GivenLabel], class_names: Collection[str]) -> list[GivenLabel]:
    return [given for given in history if given.label in class_names and not given.is_withheld]


def _first_that_stands(trusted: Sequence[GivenLabel]) -> str:
    latest: dict[str, str] = {}
    in_force = trusted[0].label
    for given in trusted:
        latest[given.source] = given.label
        if in_force not in latest.values():
            in_force = given.label
    return in_force


def nearest_class(label: str, class_names: Collection[str]) -> str | None:
    """Return the class whose name is most like a label, or None if none is like it.

    >>> nearest_class("Beees", ["ant", "bee"])
    'bee'
    >>> nearest_class("qwertz", ["ant", "bee"])
    """
    folded = {name.casefold(): name for name in class_names}
    close = difflib.get_close_matches(label.casefold(), folded, n=1, cutoff=MIN_LIKENESS)
    return folded[close[0]] if close else None
