"""Decides what of the log a watch reads next, and when that is worth a start of the predecessor."""

from datetime import datetime

from sqlalchemy import Connection

from retrain.watch.rule import MAX_IMAGES, NUM_FIRST_IMAGES
from store.evidence.watch_images import LogPage, read_log
from store.evidence.watches import Watch

# Of the log, at once.
_NUM_ROWS = 100
# A start takes seconds of a core, so that it is not for each image.
_ENOUGH = 20


def next_page(connection: Connection, watch: Watch) -> LogPage | None:
    """Return what a watch reads next: first all images, then the draws; None where it has seen enough."""
    is_first = watch.num_images < NUM_FIRST_IMAGES
    num_wanted = (NUM_FIRST_IMAGES if is_first else MAX_IMAGES) - watch.num_images
    if num_wanted <= 0:
        return None
    return read_log(connection, watch, only_draws=not is_first, limit=min(_NUM_ROWS, num_wanted))


def is_due(page: LogPage, moment: datetime, wait_seconds: float) -> bool:
    """Return whether the predecessor should start: a page of images waits, or the first did for so long."""
    if not page.answers:
        return False
    is_busy = len(page.answers) >= _ENOUGH or not page.is_last
    return is_busy or (moment - page.answers[0].created).total_seconds() >= wait_seconds
