"""Knows which server runs on which home: each holds a lock on a file of its home, which names it."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from perennial.errors import HomeTakenError
from perennial.settings.settings import Settings
from store.database.engine import parse_url, sqlite_file
from store.durable import make_folder

_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that runs: its home, its address and the number of its first process."""

    home: Path
    url: str
    pid: int

    def __str__(self) -> str:
        return f"{self.url} (process {self.pid})"


def hold_home(settings: Settings, url: str) -> None:
    """Make this process the home's server until it ends, however it ends.

    Raises:
        HomeTakenError: Another server runs on the home.
    """
    if not _is_of_one_server(settings):
        return
    make_folder(settings.home)
    # Never closed, since the lock is held as long as the file is open. No child inherits it.
    lock = os.open(settings.home / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        refuse_taken(settings)
        raise HomeTakenError(f"Expected {settings.home} for this server, another starts on it.") from error
    os.ftruncate(lock, 0)
    os.write(lock, json.dumps({"url": url, "pid": os.getpid()}).encode())


def refuse_taken(settings: Settings) -> None:
    """Return if no server runs on the home.

    Raises:
        HomeTakenError: One does; the message names it.
    """
    server = server_of(settings.home) if _is_of_one_server(settings) else None
    if server is not None:
        raise HomeTakenError(
            f"Expected a home that no server has, found that {server} has {server.home}. Use that server, or "
            "stop it, or name another home by PERENNIAL_HOME."
        )


def _is_of_one_server(settings: Settings) -> bool:
    # Servers that share PostgreSQL meet there; SQLite and the folders of a home are one server's.
    return sqlite_file(parse_url(settings.database_url)) is not None


def server_of(home: Path) -> RunningServer | None:
    """Return the server that runs on a home; None if there is none, or it has no lock yet."""
    try:
        with (home / _FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(home)
    except OSError:
        return None
    return None


def servers_of_this_user() -> list[RunningServer]:
    """Return the servers that this user runs on this machine, whichever their home is."""
    servers = (server_of(home) for home in sorted(set(_homes_of_processes())))
    return [server for server in servers if server is not None]


def _read(home: Path) -> RunningServer | None:
    try:
        content = json.loads((home / _FILE).read_bytes())
        return RunningServer(home, str(content["url"]), int(content["pid"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _homes_of_processes() -> Iterator[Path]:
    for process in psutil.process_iter():
        try:
            if any("perennial.app" in word for word in process.cmdline()):
                yield Path(process.cwd(), process.environ().get("PERENNIAL_HOME") or ".perennial")
        except (psutil.Error, OSError):
            continue
