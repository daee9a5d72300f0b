"""The workarounds for BentoML."""

import asyncio
import os
from pathlib import Path

import httpx
from starlette.responses import PlainTextResponse

from perennial.bentoml_workarounds import (
    METRICS_VARIABLE,
    LateApi,
    make_metrics_folder,
    use_metrics_folder,
)


def test_a_server_empties_its_own_folder_and_removes_those_of_the_dead(tmp_path: Path) -> None:
    folders = tmp_path / "metrics"
    for name in (str(os.getpid()), str(os.getppid()), "4194304999", "stray"):
        (folders / name).mkdir(parents=True)
        (folders / name / "counter.db").touch()
    make_metrics_folder(tmp_path)
    assert {folder.name for folder in folders.iterdir()} == {str(os.getpid()), str(os.getppid())}
    assert list((folders / str(os.getpid())).iterdir()) == []
    assert list((folders / str(os.getppid())).iterdir()) != []


def test_a_worker_uses_the_folder_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "metrics" / str(os.getppid())).mkdir(parents=True)
    before = os.environ.get(METRICS_VARIABLE)
    try:
        assert (
            use_metrics_folder(tmp_path)
            == os.environ[METRICS_VARIABLE]
            == str(tmp_path / "metrics" / str(os.getppid()))
        )
    finally:
        os.environ.pop(METRICS_VARIABLE, None)
        if before is not None:
            os.environ[METRICS_VARIABLE] = before


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
