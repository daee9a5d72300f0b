"""A label that nobody knows is accepted, learnt, served and rolled back, and no client notices."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.end_to_end.conftest import COLOURS, Server, picture, wait_until

NUM_OF_EACH, NUM_SENT = 200, 30
VIOLET = {"violet": (180, 60, 190)}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of three colours, with golden images enough to show that none is taken for a fourth."""
    monkeypatch.setattr("tests.end_to_end.conftest.COLOURS", COLOURS | VIOLET)
    for label in COLOURS:
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(NUM_OF_EACH):
            (tmp_path / "images" / label / f"{number}.jpg").write_bytes(picture(label, number))
    environment = {"PERENNIAL_THRESHOLD_SAMPLES": "5000"}
    server = Server(tmp_path / "server" / "home", environment=environment, workers=2)
    server.run("train", str(tmp_path / "images"), "--weights", "none", "--image-size", "32", "--epochs", "3")
    yield server.start()
    server.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_unknown_label_is_accepted_learnt_served_and_rolled_back(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:

        def workers_serve(version: str) -> Callable[[], bool]:
            return lambda: all(w["version"] == version for w in client.get("/v1/status").json()["workers"])

        def is_ended() -> bool:
            return client.get("/v1/rounds").json()["rounds"][0]["ended"] is not None

        for number in range(NUM_SENT):
            sent = client.post(
                "/v1/feedback", files={"image": picture("violet", number)}, data={"label": "violet"}
            )
            assert sent.json()["status"] == "quarantined"
        [waiting] = client.get("/v1/classes").json()["unknown"]
        assert (waiting["name"], waiting["num_samples"]) == ("violet", NUM_SENT)
        assert "The next round learns violet." in server.run("classes", "accept", "violet")

        with clients(server.url) as errors:
            wait_until(lambda: client.get("/v1/status").json()["learner"]["is_alive"], "there is a learner")
            server.run("rounds", "run")
            wait_until(is_ended, "the round ended", seconds=400, log=server.log)
            [ended] = client.get("/v1/rounds").json()["rounds"]
            assert ended["state"] == "promoted", ended["reason"]
            assert "violet" in ended["reason"]
            wait_until(workers_serve("v2"), "v2 serves", log=server.log)
            assert "violet" in client.get("/v1/status").json()["classes"]
            assert answers(client, "violet") > 0.5
            assert answers(client, "blue") > 0.8

            server.run("models", "rollback")
            wait_until(workers_serve("v1"), "v1 serves", log=server.log)
            assert answers(client, "violet") == 0
            [again] = client.get("/v1/classes").json()["unknown"]
            assert (again["num_samples"], again["is_due"]) == (NUM_SENT, True)
        assert errors == []


def answers(client: httpx.Client, label: str, num: int = 20) -> float:
    """Return the share of unseen pictures of a class that are answered with it."""
    asked = [
        client.post("/v1/predict", content=picture(label, 5000 + n), headers={"content-type": "image/jpeg"})
        for n in range(num)
    ]
    return float(np.mean([answer.json()["label"] == label for answer in asked]))


@contextmanager
def clients(url: str) -> Iterator[list[str]]:
    """Ask for predictions without a pause meanwhile; what is not answered with 200 is listed."""
    errors: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            number = 0
            while not is_over.wait(0.02):
                number += 1
                content = picture(("blue", "green", "red", "violet")[number % 4], 9000 + number % 40)
                try:
                    answer = client.post(
                        "/v1/predict", content=content, headers={"content-type": "image/jpeg"}
                    )
                    if answer.status_code != 200:
                        errors.append(answer.text)
                except httpx.HTTPError as error:
                    errors.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield errors
    finally:
        is_over.set()
        thread.join()
