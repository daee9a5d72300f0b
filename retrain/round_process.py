"""The child process of a round, as the learner holds it."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress


class RoundProcess:
    """A started round.

    The child gets a pipe as its standard input, whose other end only we hold: when it ends, we have died.
    It leads a session of its own, so that a terminal's Ctrl-C and a process group's end don't reach it.
    """

    def __init__(self, command: Sequence[str], round_id: int, fencing: int) -> None:
        self.round_id = round_id
        self.fencing = fencing
        self._process = subprocess.Popen(
            [*command, str(round_id), "--fencing", str(fencing)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """Return how it ended, None while it runs; a signal's number is negative."""
        status = self._process.poll()
        if status is not None:
            self._close_pipe()
        return status

    def kill(self) -> None:
        """End it at once; it never has more than a transaction to lose, which rolls back."""
        self._process.kill()
        self._process.wait()
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
