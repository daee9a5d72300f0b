"""Writes tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table.

    >>> table(["a", "b"], [(1, "x|y")])
    ['| a | b |', '|---|---|', '| 1 | x\\\\|y |']
    """
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*head, *(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)]


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
