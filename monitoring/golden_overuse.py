"""Whether a golden set is overused: verdicts suit it, and its reserve, which none reads, shows it."""

from sqlalchemy import Connection

from store import measurements

METRIC = "golden_overuse"
_LIMIT = 3.0
_NUM_ROUNDS = 2


def is_overused(connection: Connection, golden: str) -> bool:
    """Return whether the changes on golden images and on their reserve differ too much to be chance.

    That is by three standard errors, in the last two rounds that measured it.

    Args:
        connection: Where the rounds are.
        golden: The newest golden slice; figures of others don't count.
    """
    last = measurements.series(connection, METRIC, limit=_NUM_ROUNDS)
    differing = [one for one in last if one.slice == golden and abs(one.value) >= _LIMIT]
    return len(differing) == _NUM_ROUNDS
