"""What users do while the loop runs: a constant load, feedback, and looks at the round."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from benchmarks.loop.modes import Mode
from benchmarks.photographs import Photograph, World

_REQUESTS_A_SECOND = 8.0
# A round that waits for labels is over where nobody is at the queue.
_ENDED = {"promoted", "rejected", "inconclusive", "failed", "cancelled", "awaiting_labels"}


async def serve_and_learn(url: str, world: World, mode: Mode) -> dict[str, Any]:
    """Ask under load, label as users of a mode do, and wait for the round and the swap; return what was seen.

    Args:
        url: Of the running server.
        world: What is asked and labelled.
        mode: How.
    """
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        before = (await client.get("/v1/status")).json()["production"]
        stop = asyncio.Event()
        load = asyncio.create_task(_load(client, world.load, stop))
        num_labels = await _send_feedback(client, world.feedback, mode)
        print_progress(f"{num_labels} labels of photographs by night sent; waiting for the round")
        labels = {photograph.content: photograph.label for photograph in (*world.feedback, *world.load)}
        ended = await _wait_for_round(client)
        num_answers = 0
        if mode.is_attended and ended["state"] == "awaiting_labels":
            num_answers = await _answer_questions(client, labels)
            print_progress(f"{num_answers} questions answered")
            ended = await _settled(client)
        print_progress(f"round {ended['state']}: {ended['reason']}")
        swapped = await _wait_for_workers(client, ended)
        await asyncio.sleep(5)  # the load goes on past the swap, since that is where a request would be lost
        stop.set()
        requests, failed, by_version = await load
    return {
        "state": ended["state"],
        "requests": requests,
        "failed": failed,
        "num_answers": num_answers,
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
        due = begun + len(tasks) / _REQUESTS_A_SECOND
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
            print_progress(f"round {rounds[0]['id']}: {last}")
        if rounds and last in _ENDED:
            return dict(rounds[0])
        await asyncio.sleep(0.5)
    raise SystemExit(f"No round ended within {seconds:.0f} s; the last state seen was '{last or 'none'}'.")


async def _answer_questions(client: httpx.AsyncClient, labels: Mapping[bytes, str]) -> int:
    """Answer the questions one after another, as long as the round waits; return how many were answered."""
    num_answered = 0
    while questions := (await client.get("/v1/queue", params={"limit": 50})).json()["questions"]:
        for question in questions:
            content = (await client.get(f"/v1/queue/{question['id']}/image")).content
            answer = await client.post(f"/v1/queue/{question['id']}", json={"label": labels[content]})
            answer.raise_for_status()
            num_answered += 1
            # The learner looks every two seconds.
            await asyncio.sleep(2.5)
            if (await _last_round(client))["state"] != "awaiting_labels":
                return num_answered
    return num_answered


async def _settled(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the round after the learner has looked at the last answers."""
    await asyncio.sleep(15)
    return await _last_round(client)


async def _last_round(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/v1/rounds", params={"limit": 1})).json()["rounds"][0])


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


def _seconds(start: str, end: str) -> float:
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 2)


def print_progress(message: str) -> None:
    """Say on stderr what goes on, with the time."""
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)
