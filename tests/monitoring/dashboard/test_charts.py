"""The marks on the charts: what happened and when, each named where there is room for its name."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page
from sqlalchemy import Connection, insert

from store.database import schema
from store.database.database import Database
from tests.monitoring.conftest import NOW
from tests.monitoring.dashboard.browser import Open

pytestmark = pytest.mark.slow
Serve = Callable[..., str]
# Notes each text that is drawn from now on, with its left and right end and its height on the canvas.
WATCH = """() => {
  const draw = CanvasRenderingContext2D.prototype.fillText;
  window.drawn = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    window.drawn.push({ text, left: x, right: x + this.measureText(text).width, y, align: this.textAlign });
    return draw.call(this, text, x, y);
  };
}"""


def names_on(page: Page, pattern: str) -> list[dict[str, Any]]:
    """Return the names of marks that match, from left to right, as a chart draws them again."""
    page.wait_for_selector("canvas")
    page.evaluate(WATCH)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => window.drawn.length > 0")
    drawn: list[dict[str, Any]] = page.evaluate("() => window.drawn")
    marks = [each for each in drawn if each["align"] == "left" and re.fullmatch(pattern, each["text"])]
    return sorted(marks, key=lambda each: each["left"])


def overlapping(names: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (one["text"], other["text"])
        for one, other in pairwise(names)
        if one["y"] == other["y"] and other["left"] < one["right"]
    ]


@pytest.mark.parametrize("width", [390, 1440])
def test_names_of_close_promotions_do_not_overlap_and_the_newest_stands(
    filled: Database, serve: Serve, open_page: Open, width: int
) -> None:
    def work(connection: Connection) -> None:
        for minutes, old, new in ((90, "v3", "v2"), (80, "v2", "v3"), (70, "v3", "v2")):
            row: dict[str, Any] = {
                "name": "production",
                "from_version": old,
                "to_version": new,
                "reason": "a test",
            }
            row |= {"actor": "ada", "created": NOW - timedelta(minutes=minutes)}
            connection.execute(insert(schema.alias_moves).values(**row, is_roll_back=new == "v2"))

    filled.write(work)
    page = open_page(serve(filled), viewport={"width": width, "height": 900})
    names = names_on(page, r"(back to )?v\d")
    assert overlapping(names) == []
    assert names[-1]["text"] == "back to v2"
    assert "v1" in [name["text"] for name in names]


def alarm(number: int, hours: float, kind: str) -> dict[str, Any]:
    raised = (NOW - timedelta(hours=hours)).isoformat()
    return {"id": number, "kind": kind, "state": "ended", "raised": raised, "ended": raised, "version": "v3"}


def test_alarms_are_marked_on_the_chart_of_drift_and_named_in_its_table(
    filled: Database, serve: Serve, open_page: Open, alarms: list[dict[str, Any]]
) -> None:
    # The first was raised before the first measurement, the last after the last one.
    alarms += [
        alarm(1, 99, "looks"),
        alarm(2, 20.5, "looks"),
        alarm(3, 10, "errors"),
        alarm(4, 0.1, "class_mix"),
    ]
    page = open_page(serve(filled) + "/drift")
    page.locator("#chart .as-table summary").click()
    notes = page.locator("#chart tbody td:nth-child(2)").all_inner_texts()
    assert notes[0] == "v3, alarm 4: other classes come"
    told = [note for note in notes if "alarm" in note]
    assert told[1:] == ["v3, alarm 3: more answers are wrong", "v3, alarm 2: the images look different"]
    names = names_on(page, r"alarm|v\d")
    assert [name["text"] for name in names if name["text"] == "alarm"] == ["alarm"] * 3
    assert overlapping([name for name in names if name["text"] == "alarm"]) == []
    assert len({name["y"] for name in names}) == 2
