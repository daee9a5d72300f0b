"""Names and values of settings that earlier releases had; they still work, with a warning."""

import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from perennial.settings.fields import PREFIX, variable_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retired:
    """Names and values of earlier releases; they give a warning for one release instead of an error.

    Attributes:
        removed: Settings that do nothing any more, with the reason.
        renamed: Old names of settings, with the new names.
        replaced: Settings with an old value, with the new value.
    """

    removed: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names that are no settings any more."""
        return frozenset({*self.removed, *self.renamed})

    def bring_up_to_date(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with current names and values, and warn of those that are retired."""
        current = {name: value for name, value in given.items() if name not in self.names}
        for name in given:
            if name in self.removed:
                _warn_once(f"{variable_of(name)} does nothing any more: {self.removed[name]}. Remove it.")
            elif name in self.renamed:
                new = self.renamed[name]
                _warn_once(f"{variable_of(name)} is called {variable_of(new)} now. Rename it.")
                current.setdefault(new, given[name])
        for (name, old), new in self.replaced.items():
            if current.get(name) == old:
                _warn_once(f"{variable_of(name)} has no value '{old}' any more; '{new}' is used. Write that.")
                current[name] = new
        return current

    def bring_environment_up_to_date(self, environment: MutableMapping[str, str]) -> None:
        """Do the same with variables, in place, so that processes started later do not warn again."""
        retired = self.names | {name for name, _ in self.replaced}
        settings = {}
        for variable in list(environment):
            name = variable.upper().removeprefix(PREFIX).lower()
            if name in retired and variable.upper() == variable_of(name):
                settings[name] = environment.pop(variable)
        for name, value in self.bring_up_to_date(settings).items():
            environment.setdefault(variable_of(name), value)


RETIRED = Retired(
    removed={
        "intake_processes": "threads receive images with labels",
        "audit_holdout_fraction": "of all images the same share is held out",
        "max_candidates": "a round judges two at most, at 4 % and at 1 %",
    },
    renamed={
        "threads": "batch_threads",
        "queue_limit": "max_queue_images",
        "max_batch": "max_batch_images",
        "round_device_memory": "round_device_memory_fraction",
        "threshold": "threshold_samples",
        "max_days": "overdue_days",
        "min_samples": "overdue_samples",
        "near_duplicate_distance": "near_duplicate_bits",
        "max_negative_flips": "max_negative_flip_fraction",
        "max_class_drop": "max_class_drop_fraction",
    },
    replaced={("engine", "onnxruntime"): "auto"},
)


@cache
def _warn_once(text: str) -> None:
    """Log a warning; settings are read more than once in a process."""
    _log.warning("%s", text)
