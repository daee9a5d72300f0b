"""Keeps the learner's process alive, and nothing else: it must never be what fails."""

import ctypes
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class RestartSettings:
    """How soon a learner that ended is started again.

    Attributes:
        first_seconds: After its first end; doubled with each further one.
        max_seconds: At most.
        settled_seconds: A learner that lived so long counts as a first one again.
        stop_seconds: How long a learner may take to stop before it is killed.
    """

    first_seconds: float = 1.0
    max_seconds: float = 30.0
    settled_seconds: float = 30.0
    stop_seconds: float = 10.0


class Supervisor:
    """Runs a command in a process of its own, again whenever it ends, until it is stopped.

    The process dies with this one, however this one dies: no learner is left behind without a supervisor.
    """

    def __init__(self, command: Sequence[str], settings: RestartSettings | None = None) -> None:
        self._command = list(command)
        self._settings = settings or RestartSettings()
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel kills the child when the *thread* that made it ends, so one thread makes all of them.
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The running process, None between two."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process, and begin to watch it."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the process, and don't start it again."""
        with self._lock:
            self._is_stopping.set()
            process = self._process
        if process is not None:
            _stop(process, self._settings.stop_seconds)
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        wait = self._settings.first_seconds
        while not self._is_stopping.is_set():
            begun = time.monotonic()
            status = self._run_once()
            if self._is_stopping.is_set():
                return
            if time.monotonic() - begun >= self._settings.settled_seconds:
                wait = self._settings.first_seconds
            _log.warning("the learner ended with status %s; the next one starts in %.0f s", status, wait)
            self._is_stopping.wait(wait)
            wait = min(2 * wait, self._settings.max_seconds)

    def _run_once(self) -> int | str:
        try:
            with self._lock:
                if self._is_stopping.is_set():
                    return 0
                # The function between fork and exec is a single system call, so threads don't matter.
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, preexec_fn=_dies_with_parent()
                )
        except OSError as error:
            return str(error)
        return self._process.wait()


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _dies_with_parent() -> Callable[[], None] | None:
    """Return what a child calls to be killed when its parent ends; only Linux can."""
    if not sys.platform.startswith("linux"):
        return None
    # Found before the fork: after it no lock may be waited for.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))

    return ask
