"""The table of settings, for people: on the terminal and in docs/settings.md."""

from collections.abc import Iterator
from dataclasses import dataclass

from perennial.settings import Settings
from perennial.settings_sources import PREFIX


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its variable, its key in the file, its default in words, its help."""

    variable: str
    key: str
    default: str
    help: str


def rows() -> Iterator[Row]:
    """Yield every setting in the order in which they are defined."""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "default_text" in extra:
            default = str(extra["default_text"])
        else:
            default = _in_words(field.default)
        yield Row(f"{PREFIX}{name.upper()}", name, default, field.description or "")


def markdown() -> str:
    """Return docs/settings.md, whole."""
    lines = [
        "# Settings",
        "",
        "Each is a variable of the environment, or a key of `perennial.toml` in the working folder (or of",
        "the file that `PERENNIAL_CONFIG` names): its name in lower case without the prefix. The environment",
        "wins. A name that is no setting, or a value that can't be used, is an error at the start.",
        "`perennial settings` shows the values in force, `perennial settings --markdown` writes this page.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
        "| `PERENNIAL_CONFIG` | `perennial.toml`, if there is one | The file of settings. |",
    ]
    lines += [f"| `{row.variable}` | {row.default} | {row.help} |" for row in rows()]
    return "\n".join(lines) + "\n"


def _in_words(value: object) -> str:
    if value is True or value is False:
        return "`on`" if value else "`off`"
    if value == ():
        return "none"
    return f"`{value}`"
