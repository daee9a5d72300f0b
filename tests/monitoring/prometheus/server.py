"""A Prometheus of Debian's on a free port, with our rules, that scrapes one address every second."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.monitoring.prometheus.promtool import PROMETHEUS, RULES

_CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}/recording.yml, {rules}/alerts.yml]
scrape_configs:
  - job_name: perennial
    static_configs: [{{targets: ["{target}"]}}]
"""


class RunningPrometheus:
    """Asks a Prometheus that runs."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def without_figures(self, expressions: list[str], seconds: float = 120) -> list[str]:
        """Return the queries that had no finite number until the time was over; it stops when all had."""
        waiting, until = expressions, time.monotonic() + seconds
        while waiting and time.monotonic() < until:
            waiting = [each for each in waiting if not self._has_figure(each)]
            time.sleep(0.2)
        return waiting

    def unhealthy_rules(self) -> list[str]:
        """Return the rules whose last evaluation failed, or that were never evaluated."""
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        listed = [rule for group in groups for rule in group["rules"]]
        assert listed
        return [f"{rule['name']}: {rule.get('lastError')}" for rule in listed if rule["health"] == "err"]

    def close(self) -> None:
        self._client.close()

    def _has_figure(self, expression: str) -> bool:
        values = [series["value"][1] for series in self.query(expression)]
        return any(value not in ("NaN", "+Inf", "-Inf") for value in values)


@contextmanager
def running_prometheus(folder: Path, target: str) -> Iterator[RunningPrometheus]:
    """Start a Prometheus that scrapes a target ("host:port"), and stop it in the end."""
    folder.mkdir()
    file = folder / "prometheus.yml"
    file.write_text(_CONFIGURATION.format(rules=RULES, target=target))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(PROMETHEUS),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    prometheus = RunningPrometheus(f"http://127.0.0.1:{port}")
    try:
        _wait_until_ready(prometheus, process, folder / "log")
        yield prometheus
    finally:
        prometheus.close()
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(
    prometheus: RunningPrometheus, process: subprocess.Popen[bytes], log: Path, seconds: float = 60
) -> None:
    until = time.monotonic() + seconds
    while not prometheus.is_ready():
        if process.poll() is not None or time.monotonic() > until:
            pytest.fail(f"Prometheus did not start.\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


def dashboard_queries(file: Path) -> list[str]:
    """Return every query of a Grafana dashboard, with its variables put in as Grafana does."""
    panels = yaml.safe_load(file.read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [query.replace("$instance", ".*").replace("$__rate_interval", "1m") for query in queries]
