"""After `perennial demo` every rule and every panel has figures, and the promotion was sent by webhook."""

import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perennial.demo import demo
from perennial.demo.images import digit_images
from perennial.demo.server import Client, started_server
from perennial.settings.settings import Settings
from store.database.engine import sqlite_url
from tests.monitoring.prometheus.promtool import ROOT, needs_prometheus, rules
from tests.monitoring.prometheus.server import dashboard_queries, running_prometheus
from tests.monitoring.webhook.receiver import receiving

DASHBOARD = ROOT / "monitoring" / "grafana" / "dashboards" / "perennial.json"
SECRET = "at-least-sixteen-characters"


class Silence:
    """A listener that passes nothing on."""

    def on_step(self, message: str) -> None: ...

    def on_count(self, unit: str, total: int) -> Callable[[], None]:
        return lambda: None


def settings_of(home: Path) -> Settings:
    """Return the defaults for a home, computed as the demo's server does on any processor."""
    url, blobs = sqlite_url(home / "perennial.db"), str(home / "blobs")
    return Settings.load({"home": home, "database_url": url, "blobs": blobs, "keys": home / "keys.json"})


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_prometheus
def test_after_the_demo_rules_and_panels_have_figures_and_the_promotion_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing: list[str] = []
    logs: list[str] = []

    @contextmanager
    def watched(home: Path, own: dict[str, str]) -> Iterator[Client]:
        added = {"PERENNIAL_WEBHOOK_URL": receiver.url, "PERENNIAL_WEBHOOK_SECRET": SECRET}
        with started_server(home, own | added) as client:
            target = f"127.0.0.1:{client.port}"
            with running_prometheus(tmp_path / "prometheus", target) as prometheus:
                yield client
                recorded = [rule["record"] for rule in rules("recording.yml")]
                queries = [*recorded, *dashboard_queries(DASHBOARD)]
                # Drift is measured each minute.
                missing.extend(prometheus.without_figures(queries, seconds=300))
                missing.extend(prometheus.unhealthy_rules())
        logs.append((home.parent / "server.log").read_text())

    monkeypatch.setattr(demo, "started_server", watched)
    with receiving() as receiver:
        result = demo.run_demo(digit_images(), settings_of(tmp_path / "home"), Silence())
    assert result.state == "promoted"
    assert missing == []
    [(headers, body)] = [each for each in receiver.requests if json.loads(each[1])["kind"] == "promoted"]
    assert json.loads(body)["details"]["version"] == result.version_after
    signed = headers["x-perennial-timestamp"].encode() + b"." + body
    expected = hmac.digest(SECRET.encode(), signed, "sha256").hex()
    assert headers["x-perennial-signature"] == f"sha256={expected}"
    assert "a-secret-path" not in logs[0]
    assert SECRET not in logs[0]
