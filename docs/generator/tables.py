"""Writes tables in Markdown."""

import re
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table.

    >>> table(["a", "b"], [(1, "x|y")])
    ['| a | b |', '|---|---|', '| 1 | x\\\\|y |']
    """
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*head, *(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)]


def put_between(page: str, begin: str, end: str, lines: Sequence[str]) -> str:
    """Return a page with the lines in place of what stands between two marks."""
    text = "\n".join([begin, *lines, end])
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: text, page, flags=re.DOTALL)


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
