"""Sends images over HTTP, from a fixed number of connections or at random moments, and times the answers."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.serving.connections import FORM, Connections, form_of

#: From the connections and an image's bytes to the answer's status.
Send = Callable[[Connections, bytes], Awaitable[int]]


@dataclass
class Answers:
    """The answers of a run.

    Attributes:
        latencies: Seconds of each answer with status 200 or 201.
        refusals: Seconds of each answer with status 429.
        statuses: How many of each; 0 is a broken connection.
        seconds: From the first request to the last answer.
    """

    latencies: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def num_failed(self) -> int:
        """Answers that are neither a success nor "too many requests"."""
        return sum(number for status, number in self.statuses.items() if status not in (200, 201, 429))

    @property
    def per_second(self) -> float:
        """Successes a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return a percentile of the successes' latencies, in milliseconds."""
        return float(np.percentile(self.latencies, percent)) * 1000


async def closed_loop(send: Send, contents: Iterator[bytes], *, connections: int, seconds: float) -> Answers:
    """Keep so many connections busy for a while: each sends its next image when it has its answer."""
    answers = Answers()
    async with Connections() as open_connections:
        begun = time.perf_counter()

        async def work() -> None:
            while time.perf_counter() - begun < seconds:
                await _time(send, open_connections, next(contents), answers)

        await asyncio.gather(*(work() for _ in range(connections)))
        answers.seconds = time.perf_counter() - begun
    return answers


async def open_loop(
    send: Send, contents: Iterator[bytes], *, per_second: float, until: Callable[[int], bool], seed: int = 0
) -> Answers:
    """Send at exponentially spaced moments (Poisson arrivals), whether answers come or not.

    Args:
        send: Sends one image.
        contents: The images.
        per_second: Mean rate.
        until: Called with the number of images sent; true ends the run.
        seed: Fixes the moments.
    """
    answers, rng, tasks = Answers(), random.Random(seed), set[asyncio.Task[None]]()
    async with Connections() as connections:
        begun = due = time.perf_counter()
        number = 0
        while not until(number):
            due += rng.expovariate(per_second)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(_time(send, connections, next(contents), answers))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.gather(*tasks)
        answers.seconds = time.perf_counter() - begun
    return answers


async def _time(send: Send, connections: Connections, content: bytes, answers: Answers) -> None:
    begun = time.perf_counter()
    try:
        status = await send(connections, content)
    except OSError:
        status = 0
    answers.statuses[status] += 1
    if status in (200, 201):
        answers.latencies.append(time.perf_counter() - begun)
    elif status == 429:
        answers.refusals.append(time.perf_counter() - begun)


def raw(url: str) -> Send:
    """Return a function that posts an image as the body."""

    async def send(connections: Connections, content: bytes) -> int:
        return (await connections.post(url, "image/jpeg", content)).status

    return send


def part(url: str, name: str) -> Send:
    """Return a function that posts an image as one part of a form."""

    async def send(connections: Connections, content: bytes) -> int:
        return (await connections.post(url, FORM, *form_of({}, name, content))).status

    return send
