from datetime import UTC, datetime, timedelta

from retrain.watch.pages import is_due
from store.evidence.watch_images import LoggedAnswer, LogPage

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def page(num: int, *, is_last: bool = True) -> LogPage:
    answers = tuple(LoggedAnswer(f"{number:064}", "ants", NOON, "ada", None) for number in range(num))
    return LogPage(answers, NOON, is_last)


def test_the_predecessor_starts_for_twenty_images_or_for_one_that_waited() -> None:
    soon, late = NOON + timedelta(seconds=299), NOON + timedelta(seconds=300)

    assert not is_due(page(19), soon, 300.0)
    assert is_due(page(20), soon, 300.0)
    assert is_due(page(1), late, 300.0)


def test_a_full_page_is_enough_and_no_image_is_not() -> None:
    assert is_due(page(1, is_last=False), NOON, 300.0)
    assert not is_due(page(0, is_last=False), NOON + timedelta(days=1), 300.0)
