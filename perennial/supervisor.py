"""Keeps the learner's process alive. It does nothing else, so that it never fails itself."""

import asyncio
import logging
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from typing import NoReturn

from retrain.learner.round_process import killed_with_parent

_log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 30.0
# A process that lived this long did not fail at its start, so the wait begins anew.
SETTLED_SECONDS = 30.0


async def keep_running(
    command: Sequence[str], *, first_wait_seconds: float = 1.0, stop_seconds: float = 10.0
) -> NoReturn:
    """Run a command in a process of its own, and again whenever it ends, until this is cancelled.

    The process dies with this one in every case. The kernel kills it when the *thread* that made it ends, so
    call this on the main thread's event loop.

    Args:
        command: What to run.
        first_wait_seconds: Seconds between an end and the next start; doubled each time, up to 30 s.
        stop_seconds: How long the process may take to stop before it is killed.
    """
    wait = first_wait_seconds
    while True:
        begun = time.monotonic()
        status = await _run_once(command, stop_seconds)
        if time.monotonic() - begun >= SETTLED_SECONDS:
            wait = first_wait_seconds
        _log.warning("the learner ended with status %s; the next one starts in %.0f s", status, wait)
        await asyncio.sleep(wait)
        wait = min(2 * wait, MAX_WAIT_SECONDS)


async def _run_once(command: Sequence[str], stop_seconds: float) -> int | str:
    try:
        # Between fork and exec there is a single system call, so threads don't matter.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, preexec_fn=killed_with_parent()
        )
    except OSError as error:
        return str(error)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _stop(process, stop_seconds)


async def _stop(process: Process, seconds: float) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
