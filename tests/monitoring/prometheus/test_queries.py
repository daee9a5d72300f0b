"""A real Prometheus gets figures for every recording rule and for every query of Grafana's dashboard."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from store.database.database import Database
from store.evidence.watches import begin_watch
from tests.monitoring.prometheus.promtool import ROOT, needs_prometheus, rules
from tests.monitoring.prometheus.server import dashboard_queries, running_prometheus

DASHBOARD = ROOT / "monitoring" / "grafana" / "dashboards" / "perennial.json"


@pytest.fixture
def target(filled: Database) -> Iterator[str]:
    """Serve `/metrics` of a store with a past, as a server with traffic does; each scrape counts more."""
    filled.write(lambda c: begin_watch(c, "v3", "v2"))
    registry = CollectorRegistry()
    metrics, exposition = ServiceMetrics(registry), Exposition(registry, StoreCollector(filled, 500))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            for status in (200, 200, 404, 503):
                metrics.observe_request("/v1/predict", "POST", status, 0.04)
            metrics.observe_batch(3)
            metrics.count_feedback("app", "accepted")
            metrics.count_rejection()
            metrics.count_log_error()
            page, kind = exposition.render()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@needs_prometheus
def test_rules_and_panels_have_figures_of_a_server_with_traffic(target: str, tmp_path: Path) -> None:
    recorded = [rule["record"] for rule in rules("recording.yml")]
    panels = dashboard_queries(DASHBOARD)
    with running_prometheus(tmp_path / "prometheus", target) as prometheus:
        assert prometheus.without_figures([*recorded, *panels]) == []
        assert prometheus.unhealthy_rules() == []


def test_each_panel_of_the_dashboard_has_a_title_a_description_and_a_query() -> None:
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    assert len(panels) > 15
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert all(
            target["expr"] and target["datasource"]["uid"] == "${datasource}" for target in panel["targets"]
        )


def test_no_two_panels_of_the_dashboard_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_compose_adds_prometheus_and_grafana_as_a_profile_with_files_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    added = {name: compose["services"][name] for name in ("prometheus", "grafana")}
    assert all(service["profiles"] == ["monitoring"] for service in added.values())
    mounts = [mount.split(":") for service in added.values() for mount in service["volumes"]]
    files = {target: source for source, target, *_ in mounts if source.startswith("./")}
    assert len(files) == 5
    assert [source for source in files.values() if not (ROOT / source).exists()] == []
    configuration = yaml.safe_load((ROOT / files["/etc/prometheus/prometheus.yml"]).read_text())
    assert set(configuration["rule_files"]) <= set(files)
    secret = configuration["scrape_configs"][0]["authorization"]["credentials_file"]
    assert secret.removeprefix("/run/secrets/") in added["prometheus"]["secrets"]


def test_grafana_finds_prometheus_and_the_dashboard_where_compose_has_them() -> None:
    provisioning = ROOT / "monitoring" / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((provisioning / "dashboards" / "perennial.yml").read_text())["providers"]
    assert f"{provider['options']['path']}:ro" in (ROOT / "compose.yaml").read_text()
