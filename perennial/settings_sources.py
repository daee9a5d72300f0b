"""Where settings come from: the environment, and a file; a name that nobody knows is an error."""

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from perennial.errors import SettingsError

PREFIX = "PERENNIAL_"
CONFIG = f"{PREFIX}CONFIG"
DEFAULT_FILE = "perennial.toml"


def check_environment(known: Collection[str], environment: Mapping[str, str]) -> None:
    """Refuse variables that begin like settings and are none.

    Args:
        known: The names of all settings, in lower case, without the prefix.
        environment: The process's variables.

    Raises:
        SettingsError: There is such a variable; the message names the nearest setting.
    """
    names = {f"{PREFIX}{name.upper()}" for name in known} | {CONFIG}
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable.upper() not in names:
            raise SettingsError(f"There is no setting {variable}. {_advice(variable.upper(), names)}")


def read_file(known: Collection[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the file of settings says: the one that PERENNIAL_CONFIG names, else `perennial.toml` here.

    Raises:
        SettingsError: The named file is missing or is no TOML, or a key of it is unknown.
    """
    named = environment.get(CONFIG)
    file = Path(named) if named else Path(DEFAULT_FILE)
    if not named and not file.is_file():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"Expected settings in TOML in {file}, could not read them ({error}). "
            f"Correct the file, or {CONFIG} if that names the wrong one."
        ) from error
    for key in found:
        if key not in known:
            raise SettingsError(f"There is no setting '{key}' in {file}. {_advice(key, set(known))}")
    return found


class File(PydanticBaseSettingsSource):
    """`perennial.toml`, or the file that PERENNIAL_CONFIG names."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing of one field, as pydantic demands: the file is read as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return what the file says."""
        return read_file(self.settings_cls.model_fields, process_environment())


def process_environment() -> Mapping[str, str]:
    """Return this process's variables; the one place that reads them."""
    return os.environ


def _advice(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"The nearest is {near[0]}. `perennial settings` lists them all."
