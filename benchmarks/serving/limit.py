"""The most that this machine could answer with a home's version: decode and forward on each core, no HTTP."""

import argparse
import json
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import production
from store.versions import load_files

BATCH = 8
# Until all processes are ready; after that one of them has failed.
_START_SECONDS = 120.0


def main() -> None:
    """Print images a second over all cores as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with open_state(Settings.load()) as state, state.database.read() as connection:
        version = production(connection)
        if version is None:
            raise SystemExit("Expected a home with a version in production; train one first.")
        files = dict(load_files(state.blobs, version))
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(arguments.processes)
    arguments_of_processes = [
        (arguments.data, files, arguments.seconds, number, together) for number in range(arguments.processes)
    ]
    counts: multiprocessing.Queue[float] = context.Queue()
    processes = [context.Process(target=_count, args=(*values, counts)) for values in arguments_of_processes]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("A process of the limit failed; its error is printed above.")
    print(json.dumps({"images_per_second": round(sum(counts.get() for _ in processes), 1)}))


def _count(
    folder: Path,
    files: dict[str, bytes],
    seconds: float,
    number: int,
    together: Barrier,
    counts: "multiprocessing.Queue[float]",
) -> None:
    import numpy as np
    import torch

    from vision.artifact import describe
    from vision.decoding import ImageLimits, decode_image
    from vision.engines.choice import EngineSettings, load_engine

    torch.set_num_threads(1)
    artifact, limits = describe(files), ImageLimits()
    engine = load_engine(artifact, files, EngineSettings())
    contents = numbered(read_photographs(folder), f"limit {number}")
    together.wait(_START_SECONDS)
    begun, num_answered = time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < seconds:
        batch = [artifact.preprocessing.pixels(decode_image(next(contents), limits)) for _ in range(BATCH)]
        engine(artifact.preprocessing.normalise(np.stack(batch)))
        num_answered += BATCH
    counts.put(num_answered / passed)


if __name__ == "__main__":
    main()
