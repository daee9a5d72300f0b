"""`perennial status` says what waits for a person's answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from click.testing import Result
from sqlalchemy import Connection

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.evidence.pools import PoolImage, store_pool
from store.evidence.questions import TRIAL, ask
from store.evidence.trials import begin_trial
from store.rounds import rounds


def test_status_says_how_many_images_to_label_and_how_far_a_trial_is(
    run: Callable[..., Result], run_json: Callable[..., Any], settings: Settings
) -> None:
    def work(connection: Connection) -> None:
        round_id = rounds.request_round(connection, "ada", "by hand").id
        pool = [PoolImage(f"{number:064x}", number, True, "ada", "ants", "bees") for number in range(3)]
        store_pool(connection, round_id, pool)
        ask(connection, [image.sha256 for image in pool[:2]], TRIAL)
        begin_trial(connection, round_id, 3, datetime(2026, 12, 14, 9, 30, tzinfo=UTC))

    with open_state(settings) as state:
        state.database.write(work)
    shown = " ".join(run("status").stdout.split())
    assert "2 images to label, at /v1/queue" in shown
    assert "1 of 3 labels came; it ends 2026-12-14 09:30 UTC" in shown
    assert run_json("status")["trial"] == {
        "round": 1,
        "asked": 3,
        "answered": 1,
        "needed": None,
        "ends": "2026-12-14T09:30:00+00:00",
    }
