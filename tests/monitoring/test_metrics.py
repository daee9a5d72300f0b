import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from monitoring.metrics import RESERVED_BYTES, Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from store.database.database import Database
from store.evidence.watches import begin_watch

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


class Nothing(Collector):
    def collect(self) -> Iterator[Metric]:
        return iter([GaugeMetricFamily("perennial_from_the_store", "A figure.", value=7)])


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ServiceMetrics:
    return ServiceMetrics(registry)


def samples(page: bytes) -> dict[str, float]:
    """Each sample by its name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_request_is_counted_by_route_method_and_status_class(
    registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    metrics.observe_request("/v1/rounds/{id}", "GET", 404, 0.02)
    labels = {"route": "/v1/rounds/{id}", "method": "GET"}
    assert registry.get_sample_value("perennial_requests_total", labels | {"status": "4xx"}) == 1
    assert registry.get_sample_value("perennial_request_latency_seconds_sum", labels) == 0.02


def test_batches_log_errors_and_rejections_are_counted(
    registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    metrics.observe_batch(6)
    metrics.count_log_error(3)
    metrics.count_rejection()
    assert registry.get_sample_value("perennial_batch_size_sum") == 6
    assert registry.get_sample_value("perennial_prediction_log_errors_total") == 3
    assert registry.get_sample_value("perennial_queue_rejections_total") == 1


def test_the_fifty_first_source_of_feedback_and_all_after_it_are_other(
    registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    for number in range(60):
        metrics.count_feedback(f"key-{number}", "accepted")
    metrics.count_feedback("key-0", "accepted")
    value = registry.get_sample_value
    assert value("perennial_feedback_total", {"source": "other", "status": "accepted"}) == 10
    assert value("perennial_feedback_total", {"source": "key-0", "status": "accepted"}) == 2
    assert value("perennial_feedback_total", {"source": "key-50", "status": "accepted"}) is None


def test_paths_that_match_no_route_do_not_grow_the_metrics_without_bound(
    registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    for number in range(200):
        metrics.observe_request(f"/scan/{number}", f"METHOD{number}", 404, 0.1)
    [family] = [family for family in registry.collect() if family.name == "perennial_requests"]
    assert len({sample.labels["route"] for sample in family.samples}) == 51
    assert len({sample.labels["method"] for sample in family.samples}) == 11


def test_two_services_in_one_process_share_no_numbers() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    ServiceMetrics(first).count_rejection()
    ServiceMetrics(second)
    assert second.get_sample_value("perennial_queue_rejections_total") == 0


def test_the_page_holds_the_process_and_the_store_and_no_others(
    registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    registry.register(Foreign())
    metrics.count_rejection()
    page, content_type = Exposition(registry, Nothing()).render()
    assert content_type.startswith("text/plain")
    assert samples(page)["perennial_queue_rejections_total[]"] == 1
    assert samples(page)["perennial_from_the_store[]"] == 7
    assert "bentoml" not in page.decode()


class Foreign(Collector):
    def collect(self) -> Iterator[Metric]:
        return iter([GaugeMetricFamily("bentoml_service_request", "Not ours.", value=1)])


def test_the_numbers_of_all_processes_are_summed(tmp_path: Path) -> None:
    # prometheus_client reads the variable when it is imported, hence processes of their own.
    code = (
        "from prometheus_client import CollectorRegistry\n"
        "from monitoring.metrics import ServiceMetrics\n"
        "metrics = ServiceMetrics(CollectorRegistry())\n"
        "metrics.count_feedback('app', 'accepted')\n"
        "metrics.observe_request('/v1/predict', 'POST', 200, 0.5)\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    exposition = Exposition(CollectorRegistry(), Nothing(), str(tmp_path))
    values = samples(exposition.render()[0])
    assert exposition.latency().num_requests == 2
    assert values["perennial_feedback_total[('source', 'app'), ('status', 'accepted')]"] == 2
    assert (
        values["perennial_request_latency_seconds_count[('method', 'POST'), ('route', '/v1/predict')]"] == 2
    )
    assert values["perennial_from_the_store[]"] == 7
    assert "pid=" not in "".join(values)


def _count_in(folder: Path) -> None:
    # prometheus_client reads the variable when it is imported, hence a process of its own.
    code = (
        "from prometheus_client import CollectorRegistry\n"
        "from monitoring.metrics import ServiceMetrics\n"
        "ServiceMetrics(CollectorRegistry()).count_rejection()\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}, check=True
    )


def test_a_damaged_file_is_left_out_named_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _count_in(tmp_path)
    [intact] = tmp_path.glob("counter_*.db")
    content = intact.read_bytes()
    num_used = struct.unpack("i", content[:4])[0]
    damaged = {
        "counter_1.db": b"",
        "counter_2.db": content[: num_used - 8],
        "counter_3.db": struct.pack("i", 2**20) + content[4:],
        "counter_4.db": content.replace(b"perennial_queue", b"perenn\xffal_queue"),
        "counter_5.db": content.replace(b'["', b"[["),
        "gauge.db": content,
        "counter_6.db": b"\x10",
    }
    for name, wrong in damaged.items():
        (tmp_path / name).write_bytes(wrong)
    exposition = Exposition(CollectorRegistry(), Nothing(), str(tmp_path))
    for _ in range(2):
        values = samples(exposition.render()[0])
        assert values["perennial_queue_rejections_total[]"] == 1
        assert values["perennial_from_the_store[]"] == 7
    num_unreadable = values["perennial_metrics_files_unreadable[]"]
    assert num_unreadable == caplog.text.count("left out of the metrics") == len(damaged)


def test_the_most_that_is_counted_fits_into_what_a_worker_reserves(tmp_path: Path) -> None:
    code = (
        "from prometheus_client import CollectorRegistry\n"
        "from monitoring.metrics import ServiceMetrics\n"
        "metrics = ServiceMetrics(CollectorRegistry())\n"
        "for number in range(3000):\n"
        "    route, method = f'/v1/some/long/path/{{some_identity}}/{number % 60}', f'METHOD{number // 60}'\n"
        "    metrics.observe_request(route, method, 100 * (number % 5 + 1), 0.1)\n"
        "    metrics.count_feedback(f'{number:0100}', 'quarantined')\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        check=True,
    )
    for file in tmp_path.iterdir():
        assert struct.unpack("i", file.read_bytes()[:4])[0] < RESERVED_BYTES


def test_every_metric_is_documented_and_every_documented_metric_exists(
    filled: Database, registry: CollectorRegistry, metrics: ServiceMetrics
) -> None:
    metrics.observe_request("/v1/predict", "POST", 200, 0.1)
    metrics.count_feedback("app", "accepted")
    filled.write(lambda c: begin_watch(c, "v3", "v2"))
    page, _ = Exposition(registry, StoreCollector(filled, 500)).render()
    exposed = {line.split()[2] for line in page.decode().splitlines() if line.startswith("# TYPE")}
    # A counter's creation time comes beside it, from the client library.
    exposed = {name for name in exposed if not name.endswith("_created")}
    documented = set(re.findall(r"^\| `(perennial_\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert exposed == documented
