"""Reads settings from the environment and a file; an unknown name is an error."""

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping, MutableMapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from perennial.errors import SettingsError
from perennial.settings.fields import PREFIX, variable_of
from perennial.settings.retired import RETIRED

CONFIG = f"{PREFIX}CONFIG"
DEFAULT_FILE = "perennial.toml"


def check_environment(known: Collection[str], environment: Mapping[str, str]) -> None:
    """Refuse variables that begin like settings but are none.

    Args:
        known: The names of all settings, in lower case, without the prefix.
        environment: The process's variables.

    Raises:
        SettingsError: There is such a variable; the message names the nearest setting.
    """
    names = {variable_of(name) for name in known} | {CONFIG}
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable.upper() not in names:
            raise SettingsError(f"There is no setting {variable}. {_advice(variable.upper(), names)}")


class File(TomlConfigSettingsSource):
    """`perennial.toml`, or the file that PERENNIAL_CONFIG names; it may begin with a byte order mark.

    Raises:
        SettingsError: The named file is missing or no TOML, or has an unknown key.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        named = process_environment().get(CONFIG)
        file = Path(named or DEFAULT_FILE)
        if named and not file.is_file():
            raise SettingsError(f"Expected settings in TOML in {file}, found no such file. Correct {CONFIG}.")
        try:
            super().__init__(settings_cls, file)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(
                f"Expected settings in TOML in {file}, could not read them ({error}). Correct the file."
            ) from error
        known = {*settings_cls.model_fields, *RETIRED.names}
        for key in self.toml_data:
            if key not in known:
                raise SettingsError(f"There is no setting '{key}' in {file}. {_advice(key, known)}")

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        # Notepad and PowerShell begin a text with the mark, which is no TOML.
        return tomllib.loads(file_path.read_text(encoding="utf-8-sig"))


def process_environment() -> MutableMapping[str, str]:
    """Return this process's variables; nothing else in the product reads them."""
    return os.environ


def _advice(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"The nearest is {near[0]}. `perennial settings` lists them all."
