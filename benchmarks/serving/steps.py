"""Measures what each step of an image's path costs on one core: decode, resize, hash, forward."""

import argparse
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagehash
import torch
from torch import Tensor

from benchmarks.record import record
from benchmarks.serving.pictures import DEFAULT_FOLDER, read_photographs
from service.inference.images import sha256_of
from vision.artifact import Artifact
from vision.decoding import ImageLimits, decode_image
from vision.engines.openvino_engine import Threads
from vision.engines.served_form import make_form
from vision.engines.torch_engine import TorchEngine
from vision.network import build_classifier
from vision.perceptual_hash import perceptual_hash
from vision.preprocessing import preprocessing_for

BATCH_SIZES = (1, 8)
_NUM_PHOTOGRAPHS = 100
_REPEATS = 5


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    contents = read_photographs(arguments.data)[:_NUM_PHOTOGRAPHS]
    figures = {"milliseconds_an_image": {**_of_preparing(contents), **_of_forwards(contents)}}
    figures["forwards_a_second"] = _of_threads(contents)
    record("steps", figures, "make bench-steps")
    print(json.dumps(figures))


def _of_preparing(contents: Sequence[bytes]) -> dict[str, float]:
    limits, preprocessing = ImageLimits(), preprocessing_for("resnet18")
    images = [decode_image(content, limits) for content in contents]
    boxes = [preprocessing.centre_box(image.width, image.height) for image in images]
    pairs = list(zip(images, boxes, strict=True))
    pixels = [preprocessing.resample(*pair) for pair in pairs]
    return {
        "decode": _cost(lambda content: decode_image(content, limits), contents),
        "resize_and_crop": _cost(lambda pair: preprocessing.resample(*pair), pairs),
        "normalise": _cost(preprocessing.normalise, pixels),
        "sha256": _cost(sha256_of, contents),
        "perceptual_hash": _cost(perceptual_hash, images),
        "perceptual_hash_of_the_whole": _cost(imagehash.phash, images),
    }


def _of_forwards(contents: Sequence[bytes]) -> dict[str, float]:
    costs: dict[str, float] = {}
    for name, engine in _engines(contents).items():
        for size in BATCH_SIZES:
            batches = [_prepared(contents[:size])] * 5
            costs[f"forward_{name}_batch_{size}"] = round(_cost(engine, batches) / size, 2)
    return costs


def _of_threads(contents: Sequence[bytes]) -> dict[str, float]:
    """Return images a second of one and of two threads, each with batches of 8 of its own."""
    batch = _prepared(contents[:8])
    return {
        f"{name}_{num}_threads": _rate(engine, batch, num)
        for name, engine in _engines(contents).items()
        for num in (1, 2)
    }


def _rate(engine: Callable[[Tensor], Any], batch: Tensor, num_threads: int) -> float:
    def work() -> None:
        for _ in range(20):
            engine(batch)

    engine(batch)
    threads = [threading.Thread(target=work) for _ in range(num_threads)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(20 * len(batch) * num_threads / (time.perf_counter() - begun), 1)


def _engines(contents: Sequence[bytes]) -> dict[str, Callable[[Tensor], Any]]:
    artifact = Artifact(
        backbone="resnet18",
        class_names=("ants", "bees"),
        preprocessing=preprocessing_for("resnet18"),
        state=build_classifier("resnet18", 2, "bundled").state_dict(),
    )
    threads = Threads(num_streams=2, num_threads=2)
    exact = make_form(artifact, (), "float32", threads)
    served = make_form(artifact, [(image, 0) for image in _prepared(contents)], "auto", threads)
    return {
        "torch": TorchEngine(artifact.build()),
        "openvino_float32": exact.engine(threads),
        f"openvino_as_served_{served.precision}": served.engine(threads),
    }


def _prepared(contents: Sequence[bytes]) -> Tensor:
    preprocessing = preprocessing_for("resnet18")
    return torch.stack(
        [preprocessing.to_tensor(decode_image(content, ImageLimits())) for content in contents]
    )


def _cost(step: Callable[[Any], Any], items: Sequence[Any]) -> float:
    """Return the least processor time of one call in milliseconds: whatever else runs only adds to it."""
    best = float("inf")
    for _ in range(_REPEATS):
        begun = time.process_time()
        for item in items:
            step(item)
        best = min(best, time.process_time() - begun)
    return round(1000 * best / len(items), 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="a folder of JPEG photographs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
