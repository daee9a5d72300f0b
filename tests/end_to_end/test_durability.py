"""Acknowledged feedback survives, whatever was killed."""

import hashlib
import random
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest


def _stream(
    server: Any, make: Callable[..., bytes], start: int, acknowledged: dict[str, str]
) -> threading.Event:
    """Send feedback from 4 connections until the event is set; note what was answered with 201."""
    stop = threading.Event()

    def send(offset: int) -> None:
        number = start + offset
        with httpx.Client(base_url=server.url, timeout=10) as client:
            while not stop.is_set():
                content, label = make("red", number), "red"
                try:
                    answer = client.post(
                        "/v1/feedback",
                        files={"image": ("a.jpg", content, "image/jpeg")},
                        data={"label": label},
                    )
                except httpx.HTTPError:
                    return
                if answer.status_code == 201:
                    acknowledged[hashlib.sha256(content).hexdigest()] = label
                number += 4

    for offset in range(4):
        threading.Thread(target=send, args=(offset,), daemon=True).start()
    return stop


def _check(home: Path, acknowledged: dict[str, str]) -> None:
    with sqlite3.connect(home / "perennial.db") as connection:
        for sha256, label in acknowledged.items():
            rows = connection.execute("select id, label from samples where sha256 = ?", [sha256]).fetchall()
            assert [row[1] for row in rows] == [label]
            labels = connection.execute("select count(*) from labels where sample_id = ?", [rows[0][0]])
            assert labels.fetchone() == (1,)
    stored = {path.name: path for path in (home / "blobs").rglob("*") if path.is_file()}
    for sha256 in acknowledged:
        path = next(path for name, path in stored.items() if sha256.endswith(name))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _kill_while_feedback_streams(server: Any, make: Callable[..., bytes], num_kills: int) -> None:
    rng, acknowledged = random.Random(7), dict[str, str]()
    for kill in range(num_kills):
        server.start()
        before = len(acknowledged)
        stop = _stream(server, make, 10_000 * (kill + 1), acknowledged)
        until = time.monotonic() + 20
        while len(acknowledged) < before + 5 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 1.0))  # the moment of the kill is the input of this test
        server.kill()
        stop.set()
        assert len(acknowledged) > before
        _check(server.home, acknowledged)
    server.start()
    _check(server.home, acknowledged)


@pytest.mark.slow
def test_acknowledged_feedback_survives_a_kill(make_server: Any, picture: Any) -> None:
    _kill_while_feedback_streams(make_server(command="serve"), picture, num_kills=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_acknowledged_feedback_survives_ten_kills_at_random_moments(make_server: Any, picture: Any) -> None:
    _kill_while_feedback_streams(make_server(command="up"), picture, num_kills=10)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (a package of that name)")
def test_bytes_and_row_are_synced_before_the_answer(
    make_server: Any, picture: Any, tmp_path: Path, wait_until: Any
) -> None:
    server = make_server(command="serve").start()
    trace = tmp_path / "trace"
    pids = [argument for pid in server.pids() for argument in ("-p", str(pid))]
    calls = "fsync,fdatasync,write,writev,sendto,sendmsg"
    with subprocess.Popen(
        ["strace", "-f", "-tt", "-y", "-s", "40", "-e", f"trace={calls}", "-o", str(trace), *pids],
        stderr=subprocess.DEVNULL,
    ) as strace:
        wait_until(lambda: trace.exists() and _is_traced(server), "strace is attached")
        answer = httpx.post(
            f"{server.url}/v1/feedback",
            files={"image": ("a.jpg", picture("green", 77_777), "image/jpeg")},
            data={"label": "green"},
            timeout=60,
        )
        strace.terminate()
    assert answer.status_code == 201
    lines = trace.read_text().splitlines()
    answered = next(index for index, line in enumerate(lines) if re.search(r'"HTTP/1.1 201', line))
    synced = [line for line in lines[:answered] if re.search(r"\b(fsync|fdatasync)\(", line)]
    bytes_at = [index for index, line in enumerate(synced) if "/blobs/" in line]
    row_at = [index for index, line in enumerate(synced) if "perennial.db-wal" in line]
    assert bytes_at
    assert row_at
    assert bytes_at[0] < row_at[-1]


def _is_traced(server: Any) -> bool:
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in server.pids()]
    return all("TracerPid:\t0\n" not in status for status in statuses)
