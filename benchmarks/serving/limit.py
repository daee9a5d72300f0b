"""The most that this machine could answer: decode and forward on every core, with no HTTP around it."""

import argparse
import json
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from vision.engines.kind import PrecisionKind

BATCH = 8
# Until all processes are ready; past it one of them has failed.
_START_SECONDS = 120.0


def main() -> None:
    """Print images a second over all cores as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(arguments.processes)
    given = [
        (arguments.data, arguments.precision, arguments.seconds, number, together)
        for number in range(arguments.processes)
    ]
    counts: multiprocessing.Queue[float] = context.Queue()
    processes = [context.Process(target=_count, args=(*each, counts)) for each in given]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("A process of the limit failed; what it said stands above.")
    print(json.dumps({"images_per_second": round(sum(counts.get() for _ in processes), 1)}))


def _count(
    folder: Path,
    precision: PrecisionKind,
    seconds: float,
    number: int,
    together: Barrier,
    counts: "multiprocessing.Queue[float]",
) -> None:
    import numpy as np
    import torch

    from vision.artifact import Artifact
    from vision.engines.choice import EngineSettings, load_engine
    from vision.engines.making import engine_files
    from vision.engines.precision import in_precision, wanted_precision
    from vision.network import build_classifier
    from vision.preprocessing import ImageLimits, decode_image, prepare, preprocessing_for

    torch.set_num_threads(1)
    torch.manual_seed(0)
    artifact = Artifact(
        backbone="resnet18",
        class_names=("ants", "bees"),
        preprocessing=preprocessing_for("resnet18"),
        state=build_classifier("resnet18", 2).state_dict(),
    )
    photographs = read_photographs(folder)
    contents, limits = numbered(photographs, f"limit {number}"), ImageLimits()
    tried = torch.stack([prepare(content, artifact.preprocessing, limits) for content in photographs[:BATCH]])
    artifact = in_precision(artifact, tried, wanted_precision(precision, "auto", "cpu"))
    settings = EngineSettings(precision=precision)
    engine = load_engine(artifact, engine_files(artifact, tried).files, settings)
    together.wait(_START_SECONDS)
    begun, num_answered = time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < seconds:
        batch = [artifact.preprocessing.pixels(decode_image(next(contents), limits)) for _ in range(BATCH)]
        engine(artifact.preprocessing.normalise(np.stack(batch)))
        num_answered += BATCH
    counts.put(num_answered / passed)


if __name__ == "__main__":
    main()
