"""Memory and disk by the versions that are kept."""

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving.servers import default_workers, memory_mib, ours, run_perennial

NUM_VERSIONS = (1, 2, 5, 10)


def by_versions(environment: Mapping[str, str], images: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the server's memory after it has served each version, and the home's size, by versions."""
    points, num_kept = [], 1
    for num_versions in NUM_VERSIONS:
        while num_kept < num_versions:
            run_perennial(
                environment,
                *("train", str(_fewer(images, num_kept, folder / "images"))),
                *("--weights", "bundled", "--strategy", "linear_probe", "--image-size", "64"),
            )
            num_kept += 1
        with ours(environment, default_workers(), folder / "log") as server:
            _serve_each(server.url)
            memory = memory_mib(server.pid)
        files = (file for file in Path(environment["PERENNIAL_HOME"]).rglob("*") if file.is_file())
        size = sum(file.stat().st_size for file in files)
        points.append(
            {"versions": num_versions, "memory_mib": round(memory), "home_mib": round(size / 2**20)}
        )
        print(points[-1], file=sys.stderr, flush=True)
    return points


def _fewer(images: Path, num: int, copy: Path) -> Path:
    """Copy a folder without some of its images: equal versions would be stored only once."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(images, copy)
    for file in sorted((copy / "train").rglob("*.jpg"))[:num]:
        file.unlink()
    return copy


def _serve_each(url: str) -> None:
    """Promote one version after the other, and wait each time until every worker serves it."""
    with httpx.Client(base_url=url, timeout=120) as client:
        for model in reversed(client.get("/v1/models").json()["models"]):
            version = model["version"]
            client.post(f"/v1/models/{version}/promote", json={"force": True}).raise_for_status()
            while any(worker["version"] != version for worker in client.get("/v1/status").json()["workers"]):
                time.sleep(0.1)
