"""Night after day: an alarm with words and images, labels, a round, and the alarm ends with its promotion."""

import io
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

LABELS = ("blue", "green", "red")
NUM_DAY, NUM_NIGHT, NUM_LABELLED = 2100, 150, 600
_BATCH = 10
# The learner looks for alarms several times in so long.
_LOOKS_SECONDS = 20
# The alarm alone begins the round. The declared rate makes an alarm by day rare: about one run in a hundred.
SETTINGS = {
    "PERENNIAL_DRIFT_ALARM_IMAGES": "200000",
    "PERENNIAL_ALARM_ROUND_SAMPLES": str(NUM_LABELLED),
    "PERENNIAL_THRESHOLD_SAMPLES": "5000",
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_night_raises_an_alarm_that_ends_by_itself_once_it_is_learnt(
    make_server: Any, picture: Callable[..., bytes], wait_until: Any
) -> None:
    server = make_server(environment=SETTINGS).start()
    with httpx.Client(base_url=server.url, timeout=60) as client:

        def alarms() -> list[dict[str, Any]]:
            listed: list[dict[str, Any]] = client.get("/v1/alarms").json()["alarms"]
            return listed

        def rounds() -> list[dict[str, Any]]:
            listed: list[dict[str, Any]] = client.get("/v1/rounds").json()["rounds"]
            return listed

        wait_until(lambda: client.get("/v1/status").json()["learner"]["is_alive"], "there is a learner")
        _ask(client, [picture(LABELS[n % 3], 10_000 + n) for n in range(NUM_DAY)])
        wait_until(
            lambda: "distinct images are normal" in server.log.read_text(),
            "the day is normal",
            seconds=300,
            log=server.log,
        )
        assert alarms() == []
        dark = {by_night(picture(LABELS[n % 3], 50_000 + n)): LABELS[n % 3] for n in range(NUM_NIGHT)}
        _ask(client, list(dark))
        wait_until(lambda: bool(alarms()), "there is an alarm", seconds=120, log=server.log)
        _check_alarm(client, alarms()[0], dark)
        assert f"alarm: {alarms()[0]['sentence']}" in server.log.read_text()

        assert _answer_questions(client, dark) > 0
        for number in range(NUM_LABELLED):
            label = LABELS[number % 3]
            _answer(client, label, by_night(picture(label, 60_000 + number)))
        wait_until(lambda: bool(rounds()), "a round was asked for", log=server.log)
        assert rounds()[0]["trigger"].endswith("are enough after an alarm")
        wait_until(lambda: rounds()[0]["state"] == "promoted", "night is learnt", seconds=400, log=server.log)
        wait_until(lambda: alarms()[0]["state"] == "ended", "the alarm ends", seconds=60, log=server.log)
        [alarm] = alarms()
        assert alarm["acted_by"] == "learner"
        assert alarm["reason"].startswith(f"{rounds()[0]['candidate']} became production")
        assert client.get("/v1/status").json()["num_alarms"] == 0
        _ask(client, [by_night(picture(LABELS[n % 3], 70_000 + n)) for n in range(NUM_NIGHT)])
        time.sleep(_LOOKS_SECONDS)
        assert [each["id"] for each in alarms()] == [alarm["id"]]
    assert "became production" in server.run("alarms", "show", str(alarm["id"]))


def by_night(content: bytes) -> bytes:
    """Return a picture in the dark, in so much blue light that by day it would be a blue one."""
    pixels = np.asarray(Image.open(io.BytesIO(content)), dtype=np.float64) * 0.3 + np.array([0, 0, 120])
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _check_alarm(client: httpx.Client, alarm: dict[str, Any], dark: Collection[bytes]) -> None:
    """Check that an alarm about the night is told in words and images, and asked for in the queue."""
    path = f"/v1/alarms/{alarm['id']}"
    assert (alarm["kind"], alarm["state"]) == ("looks", "open")
    assert "the images look otherwise" in alarm["sentence"]
    assert "darker" in alarm["sentence"]
    assert client.get(path).json() == alarm
    assert 0 < len(alarm["images"]) <= 20
    shown = [client.get(f"{path}/images/{image['sha256']}") for image in alarm["images"]]
    assert sum(answer.content in dark for answer in shown) >= 0.9 * len(shown)
    nearest = client.get(f"{path}/images/{alarm['images'][0]['nearest_sha256']}")
    assert nearest.status_code == 200
    assert nearest.content not in dark
    assert client.get("/v1/status").json()["num_alarms"] == 1
    assert 'perennial_alarms_open{kind="looks"} 1.0' in client.get("/metrics").text
    queue = client.get("/v1/queue", params={"limit": 200}).json()
    assert queue["num_open"] >= len(alarm["images"])


def _ask(client: httpx.Client, contents: Sequence[bytes]) -> None:
    for start in range(0, len(contents), _BATCH):
        files = [("images", (f"{n}.jpg", c, "image/jpeg")) for n, c in enumerate(contents[start:][:_BATCH])]
        answer = client.post("/v1/predict/batch", files=files)
        assert answer.status_code == 200, answer.text


def _answer_questions(client: httpx.Client, labels: Mapping[bytes, str]) -> int:
    """Answer the questions about known images, as the labelling page does; return how many."""
    num_answered = 0
    for question in client.get("/v1/queue", params={"limit": 200}).json()["questions"]:
        content = client.get(f"/v1/queue/{question['id']}/image").content
        if content in labels:
            answer = client.post(f"/v1/queue/{question['id']}", json={"label": labels[content]})
            assert answer.status_code in {200, 201}, answer.text
            num_answered += 1
    return num_answered


def _answer(client: httpx.Client, label: str, content: bytes) -> None:
    predicted = client.post("/v1/predict", content=content, headers={"content-type": "image/jpeg"}).json()
    sent = {"prediction_id": predicted["prediction_id"], "label": label}
    assert client.post("/v1/feedback", json=sent).status_code == 201
