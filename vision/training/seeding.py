"""Sets torch's random generator and threads for the time of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, num_threads: int | None, device: torch.device) -> Iterator[None]:
    """Seed torch and set its threads on the CPU inside the block; None leaves the threads as they are."""
    before = torch.get_num_threads()
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        try:
            torch.set_num_threads(num_threads or before)
            yield
        finally:
            torch.set_num_threads(before)
