"""How the child process of a round tells its learner what happened."""

from typing import Final

FINISHED: Final = 0
CRASHED: Final = 1
#: The lease went to another learner: nothing was written, and nothing is to be counted.
FENCED: Final = 3
#: The learner died.
ORPHANED: Final = 4
