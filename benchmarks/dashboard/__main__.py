"""Make a large home, load each page over it, and write the figures down; the last line is JSON."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.dashboard.home import fill
from benchmarks.dashboard.logged import Sizes
from benchmarks.dashboard.pages import addresses, answer_milliseconds, load, newest_prediction
from benchmarks.record import record
from docs.screenshots import chromium
from perennial.demo.server import started_server
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.engine import sqlite_url
from store.database.migrate import migrate

_SETTINGS = {"PERENNIAL_LEARNER": "off", "PERENNIAL_ENGINE": "torch", "PERENNIAL_PRECISION": "float32"}


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where the home is kept for the next run, if anywhere")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures and the measured values")
    arguments = parser.parse_args()
    sizes = Sizes()
    with tempfile.TemporaryDirectory(prefix="perennial-dashboard-") as temporary:
        home = (arguments.home or Path(temporary) / "home").absolute()
        if not home.exists():
            _make(home, sizes, arguments.seed)
        figures = measure(home, sizes)
    record("dashboard", figures, "make bench-dashboard")
    print(json.dumps(figures))


def measure(home: Path, sizes: Sizes) -> dict[str, Any]:
    """Return the figures of a server over a home."""
    with started_server(home, _SETTINGS) as client, chromium() as browser:
        url = f"http://127.0.0.1:{client.port}"
        prediction = newest_prediction(url)
        loads = {path: load(browser, url + path) for path in addresses(sizes, prediction)}
        # Prometheus asks every fifteen seconds.
        asked = sorted({f"{url}/metrics"}.union(*(each.asked for each in loads.values())))
        answers = {each.removeprefix(url): round(answer_milliseconds(each)) for each in asked}
    # Its id is another one each time.
    answers = {path.replace(prediction, "ID"): milliseconds for path, milliseconds in answers.items()}
    pages = {path.replace(prediction, "ID"): round(each.milliseconds) for path, each in loads.items()}
    for name, milliseconds in (*pages.items(), *answers.items()):
        print(f"{milliseconds:6} ms  {name}", file=sys.stderr)
    return {
        "slowest_page_ms": max(pages.values()),
        "bytes_first_load": loads["/"].num_bytes,
        "largest_contentful_paint_ms": round(max(each.paint_milliseconds for each in loads.values())),
        "slowest_answer_ms": max(answers.values()),
        "num_predictions": sizes.num_predictions,
        "num_rounds": sizes.num_rounds,
        "num_classes": sizes.num_classes,
        "pages_ms": pages,
        "answers_ms": answers,
    }


def _make(home: Path, sizes: Sizes, seed: int) -> None:
    home.mkdir(parents=True)
    url = sqlite_url(home / "perennial.db")
    migrate(url)
    database, blobs = Database(url), BlobStore(str(home / "blobs"))
    try:
        fill(database, blobs, sizes, seed)
    finally:
        database.close()
        blobs.close()


if __name__ == "__main__":
    main()
