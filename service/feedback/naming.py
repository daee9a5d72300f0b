"""Spells labels as their class is spelled, and follows what was said of unknown ones."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from store.classes.decisions import read_decisions
from vision.labels import class_named


def called(labels: Sequence[str], class_names: Collection[str], connection: Connection) -> list[str]:
    """Return what each label is taken for: a class, a label that was accepted, or itself.

    Args:
        labels: As they were sent.
        class_names: What production knows.
        connection: Where the decisions are; they are read only where a label is no class.
    """
    named = [class_named(label, class_names) for label in labels]
    if all(name in class_names for name in named):
        return named
    decisions = read_decisions(connection)
    accepted = [name for name, said in decisions.items() if said.word == "accepted"]
    merged = {name: said.merged_into for name, said in decisions.items() if said.merged_into is not None}

    def of_unknown(name: str) -> str:
        seen: set[str] = set()
        # Merged once, then the other merged too; never in a circle.
        while name in merged and name not in class_names and name not in seen:
            seen.add(name)
            name = merged[name]
        return class_named(name, [*class_names, *accepted])

    return [name if name in class_names else of_unknown(name) for name in named]
