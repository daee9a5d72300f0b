"""How far a run of several phases is on the whole."""

from collections.abc import Callable, Sequence

Tell = Callable[[int, int], None]


class WholeRun:
    """Hears phases that each count their own steps from 1, and tells (done, total) of all of them.

    What is told never goes back: neither the steps done nor their share of the total. A phase that ends early
    lowers the total when the next one begins.
    """

    def __init__(self, planned: Sequence[int], tell: Tell) -> None:
        """Plan a run.

        Args:
            planned: Steps of each phase, in their order, at most.
            tell: Called with (steps done, steps at most) of the whole.
        """
        self._coming = list(planned)
        self._tell = tell
        self._finished = 0
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        """Hear that `done` of `total` steps of a phase are made; the first step begins the next phase."""
        if done <= self._done or self._done == 0:
            self._finished += self._done
            self._coming = self._coming[1:]
        self._done = done
        self._tell(self._finished + done, self._finished + total + sum(self._coming))
