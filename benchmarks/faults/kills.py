"""Kills of each kind of the server's processes."""

import itertools
import os
import signal
from collections.abc import Callable, Mapping

import psutil


def workers(server: psutil.Process) -> list[psutil.Process]:
    """Return the serving processes."""
    return [child for child in server.children() if _serves(child, "perennial")]


def supervisor(server: psutil.Process) -> list[psutil.Process]:
    """Return the process that keeps the learner alive."""
    return [child for child in server.children() if _serves(child, "learner")]


def learner(server: psutil.Process) -> list[psutil.Process]:
    """Return the learner."""
    return [each for parent in supervisor(server) for each in parent.children()]


def one_worker(server: psutil.Process) -> list[psutil.Process]:
    """Return one of the serving processes."""
    return workers(server)[:1]


#: What is killed, by its name.
KINDS: Mapping[str, Callable[[psutil.Process], list[psutil.Process]]] = {
    "one worker": one_worker,
    "all workers": workers,
    "learner": learner,
    "supervisor": supervisor,
}


def kill(processes: list[psutil.Process]) -> None:
    """Kill processes at once."""
    for process in processes:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _serves(process: psutil.Process, name: str) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return ("--service-name", name) in itertools.pairwise(words)
