"""Turns readiness off some time before a process stops, so that no request meets a closed door."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


def drain_before_stopping(on_signal: Callable[[], None], drain_seconds: float) -> None:
    """From now on let SIGTERM call `on_signal` at once, and what it did before only after `drain_seconds`.

    Call it on the main thread, inside the running event loop, once the server has set its own handlers. Who
    sends requests sees the process not ready in that time, while it still answers those that come.
    """
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):
        return

    def begin(number: int, frame: FrameType | None) -> None:
        on_signal()
        # A second signal stops at once.
        signal.signal(signal.SIGTERM, stop)
        loop.call_soon_threadsafe(loop.call_later, drain_seconds, stop, number, frame)

    signal.signal(signal.SIGTERM, begin)
