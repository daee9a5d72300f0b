"""The folder in which the metrics of one server's workers meet: each server has its own."""

import os
import shutil
from pathlib import Path

# BentoML sets it to one folder for all servers of a user, and empties that when another one starts.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def make_folder(home: Path) -> None:
    """Make the folder of the server whose parent process this is; remove those of servers that have ended."""
    folders = home / "metrics"
    folders.mkdir(exist_ok=True)
    for folder in folders.iterdir():
        if folder.name == str(os.getpid()) or not _is_running(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    (folders / str(os.getpid())).mkdir()


def use_folder(home: Path) -> str | None:
    """Let this worker's metrics go to its server's folder; return that. Call it before any metric."""
    folder = home / "metrics" / str(os.getppid())
    if folder.is_dir():
        os.environ[VARIABLE] = str(folder)
    return os.environ.get(VARIABLE)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
