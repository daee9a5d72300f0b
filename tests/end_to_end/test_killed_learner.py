"""A learner may be killed at any moment of a round: the next one repeats it, and the server stays up."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ENDED = ("promoted", "rejected", "inconclusive", "failed", "cancelled")


def _send(server: Any, make: Callable[..., bytes], number: int) -> None:
    """Send labelled pictures, and ask for a round on them."""
    labels = ("blue", "green", "red")
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for index in range(number):
            label = labels[index % 3]
            content = make(label, 50_000 + index, darkness=0.35)
            answer = client.post(
                "/v1/feedback", files={"image": ("a.jpg", content, "image/jpeg")}, data={"label": label}
            )
            assert answer.status_code == 201, answer.text
        # So few would hardly be decided, so that no round begins by itself.
        assert client.post("/v1/rounds").status_code == 202


def _learner_pids(server: Any) -> list[int]:
    """Return the processes that run `perennial learn`."""
    pids = []
    for pid in server.pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:
            continue
        if b"learn" in words:
            pids.append(pid)
    return pids


def _query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{home / 'perennial.db'}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


def _check_alias(home: Path) -> None:
    """Check that the alias never points to a version that did not pass."""
    for (version,) in _query(home, "select to_version from alias_moves where actor not like 'train%'"):
        passed = _query(
            home, f"select count(*) from rounds where candidate = '{version}' and state = 'promoted'"
        )
        trained = _query(
            home, f"select count(*) from versions where version = '{version}' and round_id is null"
        )
        assert passed[0][0] + trained[0][0] >= 1


def _kill_learners(server: Any, wait_until: Any, num_kills: int) -> None:
    rng = random.Random(3)
    for _ in range(num_kills):
        # The supervisor waits longer after each death in a row, up to half a minute.
        wait_until(lambda: bool(_learner_pids(server)), "a learner runs", seconds=90, log=server.log)
        time.sleep(rng.uniform(0.5, 6.0))  # the moment of the kill is the input of this test
        for pid in _learner_pids(server):
            os.kill(pid, signal.SIGKILL)
        assert httpx.get(f"{server.url}/livez", timeout=10).status_code == 200
        _check_alias(server.home)


def _check_end(server: Any, wait_until: Any) -> None:
    def has_ended() -> bool:
        states = [state for (state,) in _query(server.home, "select state from rounds order by id")]
        return bool(states) and all(state in ENDED for state in states)

    wait_until(has_ended, "every round has ended", seconds=240, log=server.log)
    _check_alias(server.home)
    twice = _query(
        server.home,
        "select sample_id from version_samples where role in ('train', 'validation', 'holdout') "
        "group by sample_id having count(*) > 1",
    )
    assert twice == []
    assert httpx.get(f"{server.url}/readyz", timeout=10).status_code == 200


@pytest.mark.slow
def test_the_server_outlives_a_killed_learner_in_a_container(
    make_server: Any, picture: Any, wait_until: Any
) -> None:
    settings = {"BENTOML_CONTAINERIZED": "true", "PERENNIAL_LEASE_SECONDS": "3"}
    server = make_server(environment=settings).start()
    _send(server, picture, 90)
    _kill_learners(server, wait_until, num_kills=1)
    _check_end(server, wait_until)


@pytest.mark.slow
def test_a_lost_supervisor_is_replaced_in_a_container(make_server: Any, wait_until: Any) -> None:
    settings = {"BENTOML_CONTAINERIZED": "true", "PERENNIAL_LEASE_SECONDS": "3"}
    server = make_server(environment=settings).start()
    wait_until(lambda: bool(_learner_pids(server)), "a learner runs", log=server.log)
    [first] = _learner_pids(server)
    supervisor = int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[1])
    assert supervisor in server.pids()[1:]
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: _learner_pids(server) not in ([], [first]), "another learner runs", log=server.log)
    assert not Path(f"/proc/{first}").exists()
    assert httpx.get(f"{server.url}/readyz", timeout=10).status_code == 200


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("containerized", ["", "true"])
def test_ten_kills_of_the_learner_at_random_moments(
    make_server: Any, picture: Any, wait_until: Any, containerized: str
) -> None:
    settings = {"PERENNIAL_LEASE_SECONDS": "3"}
    if containerized:
        settings["BENTOML_CONTAINERIZED"] = containerized
    server = make_server(environment=settings).start()
    _send(server, picture, 90)
    _kill_learners(server, wait_until, num_kills=10)
    _check_end(server, wait_until)
