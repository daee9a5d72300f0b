"""Predictions and labels that go on through a fault, and what of them was acknowledged."""

import hashlib
import io
import itertools
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

CLASSES = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}
_NUM_THREADS = 4
_PAUSE_SECONDS = 0.05
_IN_A_ROW = 5
# One count for the whole campaign: no picture is ever sent twice.
_NUMBERS = itertools.count(1_000_000)


def picture(label: str, number: int) -> bytes:
    """Return a JPEG of 32 × 32 pixels whose colour is its class and whose blocks are its number."""
    rng = np.random.default_rng([number, *label.encode()])
    blocks = rng.integers(-60, 60, (8, 8, 1)).repeat(4, axis=0).repeat(4, axis=1)
    pixels = np.array(CLASSES[label]) + blocks + rng.normal(0, 12, (32, 32, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def write_folder(folder: Path, num_each: int = 60) -> Path:
    """Write `folder/CLASS/NUMBER.jpg`, and return the folder."""
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for number in range(num_each):
            (folder / label / f"{number}.jpg").write_bytes(picture(label, number))
    return folder


class Load:
    """Four clients that send predictions and labels until they are stopped.

    Attributes:
        acknowledged: Sample id → SHA-256 of its image, of each label that was answered with 201.
        predictions: Statuses of predictions; 0 is a broken connection.
        labels: Likewise of labels.
        slowest_label_seconds: The longest that a label waited for its answer, whatever it was.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.acknowledged: dict[int, str] = {}
        self.predictions: Counter[int] = Counter()
        self.labels: Counter[int] = Counter()
        self.slowest_label_seconds = 0.0
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(_NUM_THREADS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            number = next(_NUMBERS)
            self.predictions[predict(self._url, number)] += 1
            begun = time.monotonic()
            status, sample_id = label(self._url, number)
            self.labels[status] += 1
            self.slowest_label_seconds = max(self.slowest_label_seconds, time.monotonic() - begun)
            if sample_id is not None:
                self.acknowledged[sample_id] = hashlib.sha256(picture("red", number)).hexdigest()


def predict(url: str, number: int) -> int:
    """Send one prediction on a connection of its own; return its status, 0 for a broken connection."""
    try:
        return httpx.post(
            f"{url}/v1/predict",
            content=picture("blue", number),
            headers={"Content-Type": "image/jpeg"},
            timeout=60,
        ).status_code
    except httpx.HTTPError:
        return 0


def label(url: str, number: int) -> tuple[int, int | None]:
    """Send one image with its label; return the status and, if it was acknowledged, its sample's id."""
    files = {"image": ("a.jpg", picture("red", number), "image/jpeg")}
    try:
        answer = httpx.post(f"{url}/v1/feedback", files=files, data={"label": "red"}, timeout=60)
    except httpx.HTTPError:
        return 0, None
    return answer.status_code, int(answer.json()["sample_id"]) if answer.status_code == 201 else None


def seconds_until_served(url: str, limit_seconds: float) -> float | None:
    """Return after how long predictions and labels were served, five times in a row; None if never."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit_seconds:
        numbers = itertools.islice(_NUMBERS, _IN_A_ROW)
        if all(predict(url, number) == 200 and label(url, number)[0] == 201 for number in numbers):
            return time.monotonic() - begun
        time.sleep(0.1)
    return None
