"""Times the dashboard's pages in Chromium, over a store with a long past."""

import argparse
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Response
from prometheus_client import CollectorRegistry

from benchmarks.dashboard.past import NUM_CLASSES, NUM_PREDICTIONS, NUM_ROUNDS, fill
from benchmarks.record import record
from docs.screenshots import chromium
from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from service.api import create_api
from service.middleware.stack import MiddlewareStack
from service.services import Collaborators, build_services
from service.settings import ServiceSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.engine import sqlite_url
from store.database.migrate import migrate

_LAST = NUM_ROUNDS // 2 + 1
ADDRESSES = (
    "/", "/rounds", f"/rounds/{NUM_ROUNDS}", "/versions", f"/versions/v{_LAST}",
    f"/versions/v{_LAST}/against/v{_LAST - 1}", "/drift", "/forgetting", "/labelling", "/images",
    "/images?label=species+0007&source=camera+3", "/alarms",
)  # fmt: skip
_TIMES = 3
_LARGEST_PAINT = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true });
})"""
_SHOWN = "() => performance.now()"


def main() -> None:
    """Fill a store, load each page three times, and write the figures down; the last line printed is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    with tempfile.TemporaryDirectory(prefix="perennial-dashboard-") as folder:
        url = sqlite_url(Path(folder) / "perennial.db")
        migrate(url)
        database, blobs = Database(url), BlobStore(str(Path(folder) / "blobs"))
        fill(database, blobs, parser.parse_args().seed)
        with _serving(database, blobs) as address, chromium() as browser:
            pages = {path: _measure(browser, address + path) for path in ADDRESSES}
        database.close()
        blobs.close()
    figures = {
        "num_predictions": NUM_PREDICTIONS,
        "num_rounds": NUM_ROUNDS,
        "num_classes": NUM_CLASSES,
        "slowest_page_ms": max(page["shown_ms"] for page in pages.values()),
        "bytes_first_load": pages["/"]["bytes"],
        "largest_contentful_paint_ms": max(page["paint_ms"] for page in pages.values()),
        "pages": pages,
    }
    record("dashboard", figures, "make bench-dashboard")
    print(json.dumps({name: value for name, value in figures.items() if name != "pages"}))


def _measure(browser: Browser, address: str) -> dict[str, Any]:
    """Return the medians of loads with nothing kept: until the figures are shown, and the largest paint."""
    loads = [_load(browser, address) for _ in range(_TIMES)]
    return {name: round(median(load[name] for load in loads)) for name in loads[0]}


def _load(browser: Browser, address: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address)
    page.wait_for_selector(".connection.on")
    shown = page.evaluate(_SHOWN)
    page.wait_for_load_state("networkidle")
    paint = page.evaluate(_LARGEST_PAINT)
    sizes = [answer.request.sizes() for answer in answers if answer.status == 200]
    context.close()
    num_bytes = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    return {"shown_ms": shown, "paint_ms": paint, "bytes": num_bytes}


@contextmanager
def _serving(database: Database, blobs: BlobStore) -> Iterator[str]:
    """Serve the API without a model: only what the pages read is asked for."""
    settings = replace(ServiceSettings(), device="cpu")
    registry = CollectorRegistry()
    exposition = Exposition(registry, StoreCollector(database, settings.threshold))
    services = build_services(Collaborators(database, blobs, ServiceMetrics(registry), exposition), settings)
    api = create_api(services)
    app = MiddlewareStack(api, settings, services.metrics.observe_request, api)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
