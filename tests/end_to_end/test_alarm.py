"""A server that is asked by night what it was asked by day raises an alarm, with words and images."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

LABELS = ("blue", "green", "red")
NUM_DAY, NUM_NIGHT = 2100, 400
_BATCH = 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_night_after_two_thousand_images_by_day_raises_an_alarm_that_a_person_accepts(
    make_server: Any, picture: Callable[..., bytes], wait_until: Any
) -> None:
    # The declared rate makes this test's own false alarms rare: about one run in five hundred.
    server = make_server(environment={"PERENNIAL_DRIFT_ALARM_IMAGES": "200000"}).start()
    with httpx.Client(base_url=server.url, timeout=60) as client:

        def alarms() -> list[dict[str, Any]]:
            listed: list[dict[str, Any]] = client.get("/v1/alarms").json()["alarms"]
            return listed

        def is_normal_known() -> bool:
            return "distinct images are normal" in server.log.read_text()

        wait_until(lambda: client.get("/v1/status").json()["learner"]["is_alive"], "there is a learner")
        _ask(client, [picture(LABELS[n % 3], 10_000 + n) for n in range(NUM_DAY)])
        wait_until(is_normal_known, "the day is normal", seconds=300, log=server.log)
        assert alarms() == []
        by_night = [picture(LABELS[n % 3], 50_000 + n, darkness=0.35) for n in range(NUM_NIGHT)]
        _ask(client, by_night)
        wait_until(lambda: bool(alarms()), "there is an alarm", seconds=120, log=server.log)
        [alarm] = alarms()
        shown = [client.get(f"/v1/alarms/{alarm['id']}/images/{i['sha256']}") for i in alarm["images"]]
        nearest = client.get(f"/v1/alarms/{alarm['id']}/images/{alarm['images'][0]['nearest_sha256']}")
        status = client.get("/v1/status").json()
        metrics = client.get("/metrics").text
        queue = client.get("/v1/queue", params={"limit": 200}).json()
        accepted = client.post(f"/v1/alarms/{alarm['id']}/accept", json={"reason": "we work by night now"})
    assert (alarm["kind"], alarm["state"]) == ("looks", "open")
    assert "the images look otherwise" in alarm["sentence"]
    assert "darker" in alarm["sentence"]
    assert 0 < len(alarm["images"]) <= 20
    assert sum(answer.content in by_night for answer in shown) >= 0.9 * len(shown)
    assert nearest.status_code == 200
    assert nearest.content not in by_night
    assert status["num_alarms"] == 1
    assert 'perennial_alarms_open{kind="looks"} 1.0' in metrics
    assert queue["num_open"] >= len(alarm["images"])
    assert accepted.json()["state"] == "accepted"
    assert f"alarm: {alarm['sentence']}" in server.log.read_text()
    assert "we work by night now" in server.run("alarms", "show", str(alarm["id"]))


def _ask(client: httpx.Client, contents: Sequence[bytes]) -> None:
    for start in range(0, len(contents), _BATCH):
        files = [("images", (f"{n}.jpg", c, "image/jpeg")) for n, c in enumerate(contents[start:][:_BATCH])]
        answer = client.post("/v1/predict/batch", files=files)
        assert answer.status_code == 200, answer.text
