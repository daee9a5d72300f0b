"""Where settings come from: the environment, and a file; a name that nobody knows is an error."""

import difflib
import logging
import os
import tomllib
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from perennial.errors import SettingsError

PREFIX = "PERENNIAL_"
CONFIG = f"{PREFIX}CONFIG"
DEFAULT_FILE = "perennial.toml"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retired:
    """What older environments and files may still say, for one release: it is told of, not refused.

    Attributes:
        removed: A setting that does nothing any more, and why.
        renamed: The old name of a setting, and its name now.
        replaced: A setting with a value that it had, and the value that stands for that now.
    """

    removed: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names that are no settings any more."""
        return frozenset({*self.removed, *self.renamed})

    def bring_up_to_date(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings by the names and values of today, and warn of those that are retired."""
        current = {name: value for name, value in given.items() if name not in self.names}
        for name in given:
            if name in self.removed:
                _warn_once(f"{_variable(name)} does nothing any more: {self.removed[name]}. Remove it.")
            elif name in self.renamed:
                new = self.renamed[name]
                _warn_once(f"{_variable(name)} is called {_variable(new)} now. Rename it.")
                current.setdefault(new, given[name])
        for (name, old), new in self.replaced.items():
            if current.get(name) == old:
                _warn_once(f"{_variable(name)} has no value '{old}' any more; '{new}' is used. Write that.")
                current[name] = new
        return current

    def bring_environment_up_to_date(self, environment: MutableMapping[str, str]) -> None:
        """Do so with variables, in place: the processes that this one starts need not warn again."""
        concerned = self.names | {name for name, _ in self.replaced}
        given = {}
        for variable in list(environment):
            name = variable.upper().removeprefix(PREFIX).lower()
            if name in concerned and variable.upper() == _variable(name):
                given[name] = environment.pop(variable)
        for name, value in self.bring_up_to_date(given).items():
            environment.setdefault(_variable(name), value)


RETIRED = Retired(
    removed={"intake_processes": "threads take in images with labels"},
    replaced={("engine", "onnxruntime"): "auto"},
)


def check_environment(known: Collection[str], environment: Mapping[str, str]) -> None:
    """Refuse variables that begin like settings and are none.

    Args:
        known: The names of all settings, in lower case, without the prefix.
        environment: The process's variables.

    Raises:
        SettingsError: There is such a variable; the message names the nearest setting.
    """
    names = {_variable(name) for name in known} | {CONFIG}
    for variable in sorted(environment):
        if variable.upper().startswith(PREFIX) and variable.upper() not in names:
            raise SettingsError(f"There is no setting {variable}. {_advice(variable.upper(), names)}")


class File(TomlConfigSettingsSource):
    """`perennial.toml`, or the file that PERENNIAL_CONFIG names.

    Raises:
        SettingsError: The named file is missing or is no TOML, or a key of it is unknown.
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


def process_environment() -> MutableMapping[str, str]:
    """Return this process's variables; the one place that reads them."""
    return os.environ


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


@cache
def _warn_once(text: str) -> None:
    """Log a warning; settings are read more than once in a process."""
    _log.warning("%s", text)


def _advice(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"The nearest is {near[0]}. `perennial settings` lists them all."
