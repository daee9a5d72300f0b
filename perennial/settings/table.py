"""The table of settings, for people: on the terminal and in docs/reference/settings.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from perennial.settings.fields import GROUPS, variable_of
from perennial.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its group, its variable, its key in the file, its default in words, its help."""

    group: str
    variable: str
    key: str
    default: str
    help: str


def rows() -> Iterator[Row]:
    """Yield every setting in the order in which they are defined."""
    group = ""
    for name, field in Settings.model_fields.items():
        group = GROUPS.get(name, group)
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "default_text" in extra:
            default = str(extra["default_text"])
        else:
            default = _in_words(field.default)
        yield Row(group, variable_of(name), name, default, field.description or "")


def markdown() -> str:
    """Return docs/reference/settings.md, whole."""
    lines = [
        "# Settings",
        "",
        "A setting is a variable of the environment, or a key of `perennial.toml` in the working folder.",
        "The key is the variable's name in lower case without `PERENNIAL_`. `PERENNIAL_CONFIG` names",
        "another file. The environment wins over the file. A name that is no setting is an error at the",
        "start, and so is a value that can't be used. `perennial settings` shows the values in force;",
        "`perennial settings --markdown` writes this page.",
    ]
    for group, members in groupby(rows(), attrgetter("group")):
        lines += ["", f"## {group}", "", "| variable | default | meaning |", "|---|---|---|"]
        lines += [f"| `{row.variable}` | {row.default} | {row.help} |" for row in members]
    return "\n".join(lines) + "\n"


def _in_words(value: object) -> str:
    if value is True or value is False:
        return "`on`" if value else "`off`"
    if value == ():
        return "none"
    return f"`{value}`"
