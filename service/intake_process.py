"""The other end of `service.intake_child`."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from service.intake import TakenIn
from service.intake_child import SIZE
from store.errors import BlobsUnavailableError
from vision.errors import ImageError

COMMAND = (sys.executable, "-m", "service.intake_child")
START_SECONDS = 60.0
END_SECONDS = 5.0

_ROOT = Path(__file__).parents[1]
_RECEIVED_BYTES = 65_536
_ERRORS = {error.__name__: error for error in (*ImageError.__subclasses__(), BlobsUnavailableError)}


class ProcessEndedError(Exception):
    """The process at the other end ended over what it was asked, or did not start."""


class ProcessGoneError(ProcessEndedError):
    """It had ended before it was asked."""


class IntakeProcess:
    """One process that takes in one image at a time; `start` makes it."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self._process = process
        self._connection = connection

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @classmethod
    async def start(cls, arguments: Sequence[str], command: Sequence[str] = COMMAND) -> "IntakeProcess":
        """Return a process that is ready.

        Args:
            arguments: What the child is told after the connection.
            command: What starts it.

        Raises:
            ProcessEndedError: It can't start, or isn't ready in time.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # One image at a time, so one thread: libraries would make one for each core.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    *arguments,
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)},
                )
        except BaseException as error:
            # Cancelled too: nobody else would close this end.
            ours.close()
            if not isinstance(error, OSError):
                raise
            raise ProcessEndedError(f"A process that takes images in can't start ({error}).") from error
        started = cls(process, ours)
        try:
            await asyncio.wait_for(started._answer(), START_SECONDS)
        except BaseException as error:
            # Cancelled too: nobody else knows of this process.
            await started.end()
            if isinstance(error, TimeoutError):
                raise ProcessEndedError(
                    f"A process that takes images in wasn't ready in {START_SECONDS} s."
                ) from error
            raise
        return started

    async def take(self, content: bytes) -> TakenIn:
        """Let it store bytes that can be decoded; after a cancellation it is good for nothing more.

        Raises:
            ImageError: They can't be decoded.
            BlobsUnavailableError: The store can't be written.
            ProcessEndedError: It ended over them; as ProcessGoneError, before it had them.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._connection, SIZE.pack(len(content)) + content)
        except OSError as error:
            raise ProcessGoneError(f"A process that takes images in is gone ({error}).") from error
        told = json.loads(await self._answer())
        if "error" in told:
            raise _ERRORS[told["error"]](told["message"])
        return TakenIn(**told)

    async def end(self) -> None:
        """Let it finish what it does, and wait until it is gone."""
        self._connection.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _answer(self) -> bytes:
        loop, line = asyncio.get_running_loop(), b""
        while not line.endswith(b"\n"):
            try:
                received = await loop.sock_recv(self._connection, _RECEIVED_BYTES)
            except OSError as error:
                raise ProcessEndedError(f"A process that takes images in ended ({error}).") from error
            if not received:
                raise ProcessEndedError("A process that takes images in ended before its answer.")
            line += received
        return line
