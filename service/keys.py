"""API keys: made once, shown once, stored as hashes with a name and scopes."""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.errors import KeysError

SCOPES = ("predict", "feedback", "read", "admin")
_PREFIX = "pk_"


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is stored; `sha256` is of the key itself, which has 256 random bits and needs no salt."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str


def read_keys(file: Path) -> list[Key]:
    """Return the keys of a file; none where there is no file.

    Raises:
        KeysError: The file can't be read as keys.
    """
    if not file.exists():
        return []
    try:
        rows = json.loads(file.read_text())
        if not isinstance(rows, list):
            raise TypeError(type(rows).__name__)
        return [Key(row["name"], row["sha256"], tuple(row["scopes"]), row["created"]) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KeysError(
            f"Expected a JSON list of keys in {file}, found something else ({error!r})."
        ) from error


def add_key(file: Path, name: str, scopes: Iterable[str]) -> str:
    """Add a key to a file and return it; it is stored nowhere.

    Raises:
        KeysError: The name is taken or empty, or a scope is unknown.
    """
    keys, wanted = read_keys(file), tuple(dict.fromkeys(scopes))
    if not name.strip() or len(name) > 100:
        raise KeysError(f"Expected a name of 1 to 100 characters, found {name!r}.")
    if any(key.name == name for key in keys):
        raise KeysError(f"Expected a new name, found {name!r}, which a key has. Revoke that first.")
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise KeysError(f"Expected scopes out of {', '.join(SCOPES)}, found {', '.join(unknown) or 'none'}.")
    secret = _PREFIX + secrets.token_urlsafe(32)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    _write(file, [*keys, Key(name, hash_of(secret), wanted, created)])
    return secret


def revoke_key(file: Path, name: str) -> None:
    """Remove a key; servers notice within a second.

    Raises:
        KeysError: No key has that name.
    """
    keys = read_keys(file)
    kept = [key for key in keys if key.name != name]
    if len(kept) == len(keys):
        raise KeysError(
            f"Expected the name of a key, found {name!r}. There are: {', '.join(k.name for k in keys)}."
        )
    _write(file, kept)


def hash_of(secret: str) -> str:
    """Return the hash under which a key is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _write(file: Path, keys: list[Key]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # A temporary file is made for its owner alone, and the rename is atomic.
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
        json.dump([asdict(key) for key in keys], temporary, indent=2)
        temporary.flush()
        os.fsync(temporary.fileno())
    os.replace(temporary.name, file)
