"""API keys: made once, shown once, stored as hashes with a name and scopes."""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.errors import KeysError
from store.durable import make_folder, sync_folder, write_file
from vision.labels import is_printable

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
        return [_key_of(row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KeysError(
            f"Expected a JSON list of keys in {file}, found something else ({error!r})."
        ) from error


def add_key(file: Path, name: str, scopes: Iterable[str]) -> str:
    """Add a key to a file and return it; it is stored nowhere.

    Raises:
        KeysError: A key has the name, it is empty or unprintable, or a scope is unknown.
    """
    wanted = tuple(dict.fromkeys(scopes))
    if not name.strip() or len(name) > 100 or not is_printable(name):
        raise KeysError(f"Expected a name of 1 to 100 visible characters, found {name!r}.")
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise KeysError(f"Expected scopes out of {', '.join(SCOPES)}, found {', '.join(unknown) or 'none'}.")
    secret = _PREFIX + secrets.token_urlsafe(32)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with _locked(file):
        keys = read_keys(file)
        if any(key.name == name for key in keys):
            raise KeysError(f"Expected a new name, found {name!r}, which a key has. Revoke that first.")
        _write(file, [*keys, Key(name, hash_of(secret), wanted, created)])
    return secret


def revoke_key(file: Path, name: str) -> None:
    """Remove a key; servers notice within a second.

    Raises:
        KeysError: No key has that name.
    """
    with _locked(file):
        keys = read_keys(file)
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            known = ", ".join(key.name for key in keys) or "none"
            raise KeysError(f"Expected the name of a key, found {name!r}. There are: {known}.")
        _write(file, kept)


def hash_of(secret: str) -> str:
    """Return the hash under which a key is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key_of(row: dict[str, Any]) -> Key:
    key = Key(row["name"], row["sha256"], tuple(row["scopes"]), row["created"])
    # A text that is no hash could not even be compared with one.
    if not all(isinstance(text, str) and text.isascii() for text in (key.sha256, *key.scopes)):
        raise TypeError(f"the hash or the scopes of {key.name!r}")
    return key


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep other commands from changing the file meanwhile: what one of them added would be lost."""
    make_folder(file.parent)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: Path, keys: list[Key]) -> None:
    # For its owner alone.
    write_file(file, json.dumps([asdict(key) for key in keys], indent=2).encode(), mode=0o600)
    sync_folder(file.parent)
