"""API keys: made once, shown once, stored as hashes with a name and scopes."""

import fcntl
import hashlib
import json
import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.errors import KeysError
from store.durable import make_folder, sync_folder, write_file
from vision.labels import first_twins, is_printable

SCOPES = ("predict", "feedback", "read", "admin")
_PREFIX = "pk_"
_MAX_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is stored; `sha256` is of the key itself, which has 256 random bits and needs no salt."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str
    trusted: bool = False

    @property
    def is_trusted(self) -> bool:
        """Whether the labels that the key sends are authoritative."""
        return self.trusted or "admin" in self.scopes


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request: the source of its labels, and whether these are authoritative."""

    source: str
    is_trusted: bool


def read_keys(file: Path) -> list[Key]:
    """Return the keys of a file; none where there is no file.

    Raises:
        KeysError: The file can't be read as keys.
    """
    if not file.exists():
        return []
    try:
        rows = json.loads(file.read_bytes())
        if not isinstance(rows, list):
            raise TypeError(type(rows).__name__)
        return [_key_of(row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KeysError(
            f"Expected a JSON list of keys in {file}, found something else ({error!r})."
        ) from error


def clean_name(name: str) -> str:
    """Return a key's name in Unicode's composed form (NFC), without the space around it.

    Raises:
        KeysError: It is empty, over 100 characters, or has invisible characters.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or len(cleaned) > _MAX_NAME_CHARACTERS or not is_printable(cleaned):
        raise KeysError(f"Expected a name of 1 to {_MAX_NAME_CHARACTERS} visible characters, found {name!a}.")
    return cleaned


def add_key(file: Path, name: str, scopes: Iterable[str], *, trusted: bool = False) -> str:
    """Add a key to a file and return it; it is stored nowhere.

    Args:
        file: The keys file; it is made where there is none.
        name: The source of the labels that the key sends; it is stored as `clean_name` returns it.
        scopes: What it may do.
        trusted: Its labels are authoritative. Those of a key with the scope `admin` are in any case.

    Raises:
        KeysError: A key has the name, or one that people take for it; it is empty or unprintable; or a scope
            is unknown.
    """
    wanted = tuple(dict.fromkeys(scopes))
    name = clean_name(name)
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise KeysError(f"Expected scopes out of {', '.join(SCOPES)}, found {', '.join(unknown) or 'none'}.")
    secret = _PREFIX + secrets.token_urlsafe(32)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with _locked(file):
        keys = read_keys(file)
        _refuse_twins(name, keys)
        _write(file, [*keys, Key(name, hash_of(secret), wanted, created, trusted)])
    return secret


def _refuse_twins(name: str, keys: list[Key]) -> None:
    for key in keys:
        if key.name == name:
            raise KeysError(f"Expected a new name, found {name!r}, which a key has. Revoke that first.")
        if first_twins((key.name, name)) is not None:
            raise KeysError(
                f"Expected a new name, found {name!r}, which people take for {key.name!r}, which a key has. "
                "Choose another, or revoke that first."
            )


def revoke_key(file: Path, name: str) -> None:
    """Remove a key by its name, as it is stored or before it was cleaned; servers notice within a second.

    Raises:
        KeysError: No key has that name.
    """
    with _locked(file):
        keys = read_keys(file)
        composed = unicodedata.normalize("NFC", name).strip()
        # Earlier releases stored names as they came.
        stored = name if any(key.name == name for key in keys) else composed
        kept = [key for key in keys if key.name != stored]
        if len(kept) == len(keys):
            known = ", ".join(key.name for key in keys) or "none"
            raise KeysError(f"Expected the name of a key, found {name!r}. There are: {known}.")
        _write(file, kept)


def hash_of(secret: str) -> str:
    """Return the hash under which a key is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key_of(row: dict[str, Any]) -> Key:
    # Keys of earlier releases say nothing about trust.
    trusted = "trusted" in row and row["trusted"]
    key = Key(row["name"], row["sha256"], tuple(row["scopes"]), row["created"], trusted)
    if not isinstance(key.trusted, bool):
        raise TypeError(f"the trust of {key.name!r}")
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
