"""Runs the loop on photographs: train by day, serve under load, learn from feedback by night, swap."""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.photographs import DEFAULT_ARCHIVE, Photograph, World, make_world, write_folder
from benchmarks.record import record

LOAD_REQUESTS_A_SECOND = 8.0
# What has the candidate be no better than production.
_NO_LEARNING = "1e-9"


@dataclass(frozen=True, slots=True)
class Mode:
    """How users behave, and what the world is like.

    Attributes:
        is_predicted: Images are predicted first, and labelled by their prediction.
        only_wrong: Only predictions that were wrong are labelled.
        num_classes, num_initial: Of the first training.
        is_shifted: The night is a world in which production is nearly always wrong.
        is_equal: The candidate learns nothing.
    """

    is_predicted: bool = False
    only_wrong: bool = False
    num_classes: int = 10
    num_initial: int = 9000
    is_shifted: bool = False
    is_equal: bool = False


MODES = {
    "direct": Mode(),
    "predicted": Mode(is_predicted=True),
    "broken": Mode(is_predicted=True, num_classes=4, num_initial=1600, is_shifted=True),
    "corrections": Mode(is_predicted=True, only_wrong=True),
    "equal": Mode(is_equal=True),
    "equal-predicted": Mode(is_predicted=True, is_equal=True),
    "equal-corrections": Mode(is_predicted=True, only_wrong=True, is_equal=True),
}
# A round that waits for labels is over where nobody is at the queue.
ENDED = {"promoted", "rejected", "inconclusive", "failed", "cancelled", "awaiting_labels"}


def main() -> None:
    """Run one seed or several; the last line printed is one JSON object."""
    arguments = _arguments()
    runs = []
    for seed in arguments.seeds:
        figures = measure(seed, arguments)
        runs.append({"seed": seed, **figures})
        print(json.dumps(runs[-1]), flush=True)
    is_usual = arguments.mode == "direct"
    command = f"make bench-loop SEED={','.join(map(str, arguments.seeds))}"
    if len(runs) > 1 or not is_usual:
        summary = {"medians": _medians(runs), "runs": runs}
        named = "loop" if is_usual else f"loop-{arguments.mode}"
        record(named, summary, command if is_usual else f"{command} MODE={arguments.mode}")
        print(json.dumps(summary["medians"]))


def measure(seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one run of the loop, in a home of its own."""
    mode = MODES[arguments.mode]
    world = make_world(
        arguments.data,
        seed,
        num_initial=mode.num_initial,
        num_feedback=650 if not mode.only_wrong else 1300,
        num_unseen=150 * mode.num_classes,
        num_classes=mode.num_classes,
        is_shifted=mode.is_shifted,
    )
    with tempfile.TemporaryDirectory(prefix="perennial-loop-") as temporary:
        folder, environment = Path(temporary), _environment(Path(temporary), mode)
        write_folder(world.initial, folder / "images")
        _print_progress(f"seed {seed}: training on {len(world.initial)} photographs by day")
        _perennial(
            environment,
            "train", str(folder / "images"), "--weights", "none", "--image-size", "32",
        )  # fmt: skip
        with _server(environment, folder) as url:
            figures = asyncio.run(_serve_and_learn(url, world, mode))
        before = _accuracies(environment, folder, figures.pop("version_before"), world)
        after = _accuracies(environment, folder, figures.pop("version_after"), world)
        return {
            "old_before": before[0],
            "old_after": after[0],
            "new_before": before[1],
            "new_after": after[1],
            **figures,
        }


async def _serve_and_learn(url: str, world: World, mode: Mode) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        before = (await client.get("/v1/status")).json()["production"]
        stop = asyncio.Event()
        load = asyncio.create_task(_load(client, world.load, stop))
        num_labels = await _send_feedback(client, world.feedback, mode)
        _print_progress(f"{num_labels} labels of photographs by night sent; waiting for the round")
        ended = await _wait_for_round(client)
        _print_progress(f"round {ended['state']}: {ended['reason']}")
        swapped = await _wait_for_workers(client, ended)
        await asyncio.sleep(5)  # the load goes on past the swap, since that is where a request would be lost
        stop.set()
        requests, failed, by_version = await load
    return {
        "state": ended["state"],
        "requests": requests,
        "failed": failed,
        "requests_by_version": by_version,
        "seconds_to_all_workers": swapped,
        "round_seconds": _seconds(ended["started"], ended["ended"]) if ended["ended"] else None,
        "reason": ended["reason"],
        "version_before": before,
        "version_after": ended["candidate"] if ended["state"] == "promoted" else before,
    }


async def _load(
    client: httpx.AsyncClient, photographs: Sequence[Photograph], stop: asyncio.Event
) -> tuple[int, int, dict[str, int]]:
    """Send images at a constant rate until `stop`; return requests, failures and answers by version."""
    num_failed, by_version, tasks = 0, dict[str, int](), list[asyncio.Task[None]]()

    async def predict(photograph: Photograph) -> None:
        nonlocal num_failed
        try:
            answer = await client.post(
                "/v1/predict", content=photograph.content, headers={"content-type": "image/jpeg"}
            )
            version = answer.json()["model_version"] if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError):
            version = None
        if version is None:
            num_failed += 1
        else:
            by_version[version] = by_version.get(version, 0) + 1

    begun = time.monotonic()
    while not stop.is_set():
        tasks.append(asyncio.create_task(predict(photographs[len(tasks) % len(photographs)])))
        due = begun + len(tasks) / LOAD_REQUESTS_A_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await asyncio.gather(*tasks)
    return len(tasks), num_failed, by_version


async def _send_feedback(client: httpx.AsyncClient, photographs: Sequence[Photograph], mode: Mode) -> int:
    """Send the photographs with labels as users of a mode do; return how many labels were sent."""
    places = asyncio.Semaphore(4)

    async def send(photograph: Photograph) -> bool:
        async with places:
            files = {"image": ("photograph.jpg", photograph.content, "image/jpeg")}
            return _checked(await client.post("/v1/feedback", files=files, data={"label": photograph.label}))

    async def predict(photograph: Photograph) -> tuple[str, bool]:
        async with places:
            headers = {"content-type": "image/jpeg"}
            answer = await client.post("/v1/predict", content=photograph.content, headers=headers)
            answer.raise_for_status()
            return answer.json()["prediction_id"], answer.json()["label"] == photograph.label

    async def label(prediction_id: str, photograph: Photograph) -> bool:
        async with places:
            sent = {"prediction_id": prediction_id, "label": photograph.label}
            return _checked(await client.post("/v1/feedback", json=sent))

    if not mode.is_predicted:
        return sum(await asyncio.gather(*(send(photograph) for photograph in photographs)))
    predicted = await asyncio.gather(*(predict(photograph) for photograph in photographs))
    wanted = [
        label(prediction_id, photograph)
        for (prediction_id, is_right), photograph in zip(predicted, photographs, strict=True)
        if not (mode.only_wrong and is_right)
    ]
    return sum(await asyncio.gather(*wanted))


def _checked(answer: httpx.Response) -> bool:
    if answer.status_code != 201:
        raise SystemExit(f"Feedback was refused: {answer.status_code} {answer.text}")
    return True


async def _wait_for_round(client: httpx.AsyncClient, seconds: float = 1800) -> dict[str, Any]:
    until, last = time.monotonic() + seconds, ""
    while time.monotonic() < until:
        rounds = (await client.get("/v1/rounds")).json()["rounds"]
        if rounds and rounds[0]["state"] != last:
            last = rounds[0]["state"]
            _print_progress(f"round {rounds[0]['id']}: {last}")
        if rounds and last in ENDED:
            return dict(rounds[0])
        await asyncio.sleep(0.5)
    raise SystemExit(f"No round ended within {seconds:.0f} s; the last state seen was '{last or 'none'}'.")


async def _wait_for_workers(client: httpx.AsyncClient, ended: dict[str, Any]) -> float | None:
    """Return the seconds from the promotion until the last worker served the new version."""
    if ended["state"] != "promoted":
        return None
    until = time.monotonic() + 60
    while time.monotonic() < until:
        workers = (await client.get("/v1/status")).json()["workers"]
        if workers and all(worker["version"] == ended["candidate"] for worker in workers):
            return max(_seconds(ended["ended"], worker["since"]) for worker in workers)
        await asyncio.sleep(0.1)
    raise SystemExit(f"Not every worker serves {ended['candidate']} after a minute: {workers}")


def _accuracies(environment: dict[str, str], folder: Path, version: str, world: World) -> tuple[float, float]:
    """Return a version's accuracy by day and by night, in points, on what the system has never seen.

    The version is exported and runs here, so that not even the server sees these pictures.
    """
    from vision.artifact import from_files

    target = folder / f"export-{version}"
    if not target.exists():
        _perennial(environment, "models", "export", version, str(target))
    artifact = from_files({file.name: file.read_bytes() for file in target.iterdir()})
    return _accuracy(artifact, world.unseen_old), _accuracy(artifact, world.unseen_new)


def _accuracy(artifact: Any, photographs: Sequence[Photograph]) -> float:
    import torch

    from vision.decoding import ImageLimits
    from vision.preprocessing import prepare

    classifier, limits, num_right = artifact.build("cpu"), ImageLimits(), 0
    with torch.inference_mode():
        for start in range(0, len(photographs), 250):
            part = photographs[start : start + 250]
            images = torch.stack(
                [prepare(photograph.content, artifact.preprocessing, limits) for photograph in part]
            )
            for index, photograph in zip(classifier(images).argmax(dim=1).tolist(), part, strict=True):
                num_right += artifact.class_names[index] == photograph.label
    return round(100 * num_right / len(photographs), 2)


@contextmanager
def _server(environment: dict[str, str], folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perennial", "up", "--port", str(port), "--workers", "2"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(url, process, folder / "server.log")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            status = httpx.get(f"{url}/v1/status", timeout=5)
            if status.status_code == 200 and sum(bool(w["version"]) for w in status.json()["workers"]) >= 2:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"The server did not become ready with 2 workers:\n{log.read_text()[-4000:]}")


def _perennial(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perennial", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"perennial {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )


def _environment(folder: Path, mode: Mode) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    learning = {"PERENNIAL_LEARNING_RATE": _NO_LEARNING} if mode.is_equal else {}
    return {
        **kept,
        **learning,
        "PERENNIAL_HOME": str(folder / "home"),
        "PERENNIAL_THRESHOLD_SAMPLES": "650",
        "BENTOML_DO_NOT_TRACK": "True",
    }


def _medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    old = median(run["old_after"] - run["old_before"] for run in runs)
    new = median(run["new_after"] - run["new_before"] for run in runs)
    swaps = [run["seconds_to_all_workers"] for run in runs if run["seconds_to_all_workers"] is not None]
    return {
        "old_change": round(old, 2),
        "new_change": round(new, 2),
        "num_promoted": sum(run["state"] == "promoted" for run in runs),
        "num_runs": len(runs),
        "failed": sum(run["failed"] for run in runs),
        "largest_seconds_to_all_workers": max(swaps, default=None),
        "median_round_seconds": median(run["round_seconds"] or 0.0 for run in runs),
    }


def _seconds(start: str, end: str) -> float:
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 2)


def _print_progress(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument("--mode", choices=MODES, default="direct", help="how users behave")
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_ARCHIVE, help="a tar of train/CLASS and test/CLASS"
    )
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        raise SystemExit(f"Expected an archive of photographs at {arguments.data}; name one with DATA=…")
    return arguments


if __name__ == "__main__":
    main()
