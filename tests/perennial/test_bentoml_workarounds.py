"""The workarounds for BentoML."""

import asyncio
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from prometheus_client import values
from starlette.responses import PlainTextResponse
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.server import ServerState

from monitoring.metrics import RESERVED_BYTES
from perennial.bentoml_workarounds import (
    METRICS_VARIABLE,
    LateApi,
    limit_connections,
    make_metrics_folder,
    reserve_files,
    use_metrics_folder,
)
from perennial.settings.settings import Settings


@pytest.fixture(autouse=True)
def same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this process's variables, and what counts its metrics, as they were."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)


def test_a_server_makes_a_folder_and_removes_those_of_the_dead(tmp_path: Path) -> None:
    alive, dead, foreign = (
        tmp_path / name for name in (f"perennial-{os.getppid()}-x", "perennial-4194304999-x", "other")
    )
    for folder in (alive, dead, foreign):
        folder.mkdir()
    make_metrics_folder(tmp_path / "home", memory=tmp_path)
    [made] = set(tmp_path.iterdir()) - {alive, foreign}
    assert made.name.startswith(f"perennial-{os.getpid()}-")
    assert made.stat().st_mode & 0o777 == 0o700
    assert use_metrics_folder() == os.environ[METRICS_VARIABLE] == str(made)


def test_without_a_place_in_memory_the_folder_is_in_the_home(tmp_path: Path) -> None:
    make_metrics_folder(tmp_path, memory=tmp_path / "none")
    [made] = (tmp_path / "metrics").iterdir()
    assert use_metrics_folder() == str(made)


def test_a_worker_reserves_its_files_and_cuts_those_of_the_dead(tmp_path: Path) -> None:
    (tmp_path / "counter_4194304999.db").write_bytes(struct.pack("i", 40) + bytes(RESERVED_BYTES))
    reserve_files(tmp_path)
    sizes = {file.name: file.stat() for file in tmp_path.iterdir()}
    assert sizes.pop("counter_4194304999.db").st_size == 40
    assert sizes.keys() == {f"counter_{os.getpid()}.db", f"histogram_{os.getpid()}.db"}
    for size in sizes.values():
        assert size.st_size == RESERVED_BYTES <= size.st_blocks * 512


def test_a_worker_without_room_for_its_metrics_counts_for_itself(tmp_path: Path) -> None:
    os.environ[METRICS_VARIABLE] = str(tmp_path / "none")
    assert use_metrics_folder() is None
    assert values.ValueClass is values.MutexValue


def test_a_process_ends_with_the_server_that_started_it() -> None:
    # The server starts a worker, says its number, and is killed.
    worker = (
        "import signal; from perennial.bentoml_workarounds import end_with_server\n"
        "end_with_server(); print('ready', flush=True); signal.pause()"
    )
    server = (
        "import os, subprocess, sys\n"
        "os.environ['_PERENNIAL_SERVER'] = str(os.getpid())\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {worker!r}], stdout=subprocess.PIPE)\n"
        "worker.stdout.readline()\n"
        "print(worker.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", server], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    deadline = time.monotonic() + 30
    while is_alive(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_whose_server_is_gone_already_ends_at_once() -> None:
    code = "from perennial.bentoml_workarounds import end_with_server as end; end(); print('goes on')"
    environment = {**os.environ, "_PERENNIAL_SERVER": "4194304999"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_until_the_api_is_there_requests_are_answered_not_ready() -> None:
    late, statuses = LateApi(), list[int]()

    async def get_readyz() -> httpx.Response:
        transport = httpx.ASGITransport(late)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/readyz")

    early = asyncio.run(get_readyz())
    late.observe("/readyz", "GET", 503, 0.1)
    late.set_api(PlainTextResponse("the API"), lambda route, method, status, seconds: statuses.append(status))
    late.observe("/readyz", "GET", 200, 0.1)
    assert (early.status_code, early.json()["error"]["code"]) == (503, "not_ready")
    assert asyncio.run(get_readyz()).text == "the API"
    assert statuses == [200]


@pytest.mark.parametrize(("num_descriptors", "expected"), [(1_000_000, 1000), (256, 128), (100, 25)])
def test_uvicorn_s_connections_are_ours_and_leave_descriptors_for_other_files(
    monkeypatch: pytest.MonkeyPatch, num_descriptors: int, expected: int
) -> None:
    monkeypatch.setitem(HTTP_PROTOCOLS, "auto", HTTP_PROTOCOLS["auto"])
    monkeypatch.setattr("resource.getrlimit", lambda kind: (num_descriptors, num_descriptors))
    limit_connections(Settings.load().connections())
    config = uvicorn.Config(PlainTextResponse(""), log_config=None)
    config.load()
    make: Any = config.http_protocol_class

    async def connection() -> Any:
        return make(config=config, server_state=ServerState(), app_state={})

    limits = asyncio.run(connection())._settings
    # Load balancers keep theirs for 60 s.
    assert (limits.keep_alive_seconds, limits.max_connections) == (75, expected)
