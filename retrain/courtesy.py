"""Makes a round rest where others kept it waiting."""

import time
from pathlib import Path

#: A machine that slept must not make the round sleep as long.
MAX_REST_SECONDS = 5.0
# Of the time that it waited; what the whole of it cost a round stands in ADR 11.
_SHARE = 0.5

_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class Courtesy:
    """What a round does beside its low weight, since weight alone doesn't undo all that it costs others.

    A core that runs a round, however low its weight, isn't idle: the kernel won't pull a waiting thread of
    serving onto it. So where others want the cores, which shows as time that this thread was ready and did
    not run, the round leaves them alone for half as long again. On a machine with nothing else to do it never
    rests. Only Linux tells that time; elsewhere it never rests either.
    """

    def __init__(self, schedstat: Path = _SCHEDSTAT) -> None:
        self._schedstat = schedstat
        self._waited = self._seconds_waited()

    def rest(self) -> None:
        """Sleep for half as long as this thread was kept waiting since the last call, 5 s at most."""
        waited = self._seconds_waited() - self._waited
        time.sleep(min(MAX_REST_SECONDS, max(0.0, _SHARE * waited)))
        # Read again: to wake up takes a moment of waiting too.
        self._waited = self._seconds_waited()

    def _seconds_waited(self) -> float:
        try:
            # Nanoseconds that it ran, nanoseconds that it waited, and how often it began.
            return int(self._schedstat.read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
