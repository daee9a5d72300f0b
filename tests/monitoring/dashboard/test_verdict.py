"""A verdict's table and the line of the watch, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, update

from store.database import schema
from store.database.database import Database
from store.evidence.watches import begin_watch, last_watches, note_figures
from tests.monitoring.dashboard.browser import Open, words_of

pytestmark = pytest.mark.slow
Serve = Callable[..., str]


def check(name: str, passed: bool | None, figure: str = "", note: str = "") -> dict[str, Any]:
    texts = {"rule": f"rule of {name}", "figure": figure, "bound": "−2.0 points", "note": note}
    return {"name": name, "passed": passed, "numbers": {}} | texts


VERDICT = {
    "decision": "awaiting_labels",
    "sentence": "9 more labels for the candidate would prove it.",
    "checks": [
        check("golden", True, "−0.4 points"),
        check("classes", False, "wasps: 9 of 14 lost"),
        check("anchor", None, note="not asked, because v1 is production itself"),
        check("new", None, "12 won, 3 lost", note="open, because 9 more answers are needed"),
    ],
    "labels_needed": {"wins": 9, "open": 19},
}


def test_a_verdict_is_a_sentence_and_a_table_of_rules(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    work = update(schema.rounds).where(schema.rounds.c.id == 2).values(verdict=VERDICT)
    filled.write(lambda connection: connection.execute(work))
    text = words_of(open_page(serve(filled) + "/rounds/2"))
    assert "9 more labels for the candidate would prove it. Judged against v2. Rule Figure Bound" in text
    assert "rule of golden −0.4 points −2.0 points ✓" in text
    assert "rule of classes wasps: 9 of 14 lost −2.0 points ✗" in text
    assert "rule of anchor – −2.0 points not asked, because v1 is production itself" in text
    assert "rule of new 12 won, 3 lost −2.0 points open, because 9 more answers are needed" in text
    assert "What would settle it: 9 more answers for the candidate, of 19 open questions." in text


def test_an_earlier_releases_verdict_shows_its_numbers(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    text = words_of(open_page(serve(filled) + "/rounds/2"))
    assert "Old accuracy kept failed 600 samples · champion accuracy 93.0 %" in text


def test_the_watch_is_one_line_beside_production(filled: Database, serve: Serve, open_page: Open) -> None:
    def work(connection: Connection) -> None:
        begin_watch(connection, "v3", "v2")
        (watch,) = last_watches(connection)
        note_figures(connection, watch.id, {"evidence": 1.834, "sentence": "v3 lost 5 and won 2."})

    filled.write(work)
    text = words_of(open_page(serve(filled)))
    assert "watching v3 lost 5 and won 2. Evidence that it is worse: 1.83 of 100." in text
