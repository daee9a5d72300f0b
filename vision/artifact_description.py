"""Reads and checks the description of an artifact, which is JSON."""

import json
from collections.abc import Mapping
from typing import Any

from vision.ensemble import MAX_MEMBERS, MAX_OWN_GROUPS
from vision.errors import CorruptArtifactError

FORMAT_VERSION = 1
WEIGHTS_FILE = "weights.safetensors"
DESCRIPTION_FILE = "artifact.json"

_FIELDS: Mapping[str, type] = {
    "backbone": str,
    "class_names": list,
    "preprocessing": dict,
    "temperature": float,
    "sha256": dict,
}


def read_description(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the description among an artifact's files (contents by name), checked field by field.

    Raises:
        CorruptArtifactError: It is missing, broken, of an unknown format, or has impossible values.
    """
    if DESCRIPTION_FILE not in files:
        raise CorruptArtifactError(f"Expected the file {DESCRIPTION_FILE}, found {sorted(files)}.")
    try:
        description = json.loads(files[DESCRIPTION_FILE])
    except ValueError as error:
        raise CorruptArtifactError(f"{DESCRIPTION_FILE} is no JSON ({error}). Restore it.") from error
    version = description.get("format_version") if isinstance(description, dict) else None
    if version != FORMAT_VERSION:
        raise CorruptArtifactError(
            f"Expected format version {FORMAT_VERSION} in {DESCRIPTION_FILE}, found {version!r}. "
            "Read it with the version of Perennial that wrote it."
        )
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(description.get(name), kind)]
    if wrong or not _is_plausible(description):
        raise CorruptArtifactError(f"{DESCRIPTION_FILE} has missing or impossible fields {wrong}.")
    return dict(description)


def _is_plausible(description: Mapping[str, Any]) -> bool:
    class_names = description["class_names"]
    return (
        len(class_names) > 0
        and all(isinstance(name, str) for name in class_names)
        and len(set(class_names)) == len(class_names)
        and 0 < description["temperature"] < float("inf")
        and WEIGHTS_FILE in description["sha256"]
        and _is_count(description.get("num_members", 1), MAX_MEMBERS)
        and _is_count(description.get("num_own_groups", 1), MAX_OWN_GROUPS)
    )


def _is_count(value: object, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest
