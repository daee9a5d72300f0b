"""Repeats a round's training, without the rest of it, on 500 new and 500 replayed photographs."""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

from benchmarks.serving.pictures import DEFAULT_FOLDER
from perennial.settings.settings import Settings
from retrain.fine_tune import fine_tune
from retrain.learner.priority import yield_to_serving
from retrain.learner.resources import Throttle
from retrain.learner.round_process import die_with_parent
from vision.artifact import Artifact
from vision.augmentation import Level, augmented
from vision.decoding import ImageLimits
from vision.engines.processor import training_precision
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

NUM_NEW = NUM_REPLAYED = 500


def main() -> None:
    """Train until killed; "training" is printed after the first step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER)
    folder = parser.parse_args().data
    yield_to_serving()
    die_with_parent()
    settings = Settings.load().round()
    preprocessing = preprocessing_for("resnet18")
    artifact = Artifact(
        backbone="resnet18",
        class_names=("ants", "bees"),
        preprocessing=preprocessing,
        state=build_classifier("resnet18", 2, "bundled").state_dict(),
    )
    precision = training_precision(artifact.build_empty(), preprocessing.image_size)
    files = sorted(folder.rglob("*.jpg"))
    labelled = [(file.read_bytes(), int(file.parent.name == "bees")) for file in files]
    pairs = list(itertools.islice(itertools.cycle(labelled), NUM_NEW + NUM_REPLAYED))

    def images(pairs: list[tuple[bytes, int]], level: Level) -> PreparedImages:
        return PreparedImages(pairs, augmented(preprocessing, level), ImageLimits())

    training, validation = images(pairs, settings.fine_tune.augmentation), images(pairs[:100], "none")
    lines = iter(["training"])

    def print_first(done: int, total: int) -> None:
        for line in lines:
            print(line, flush=True)

    for seed in itertools.count():
        fine_tune(
            artifact,
            artifact.build(),
            training,
            NUM_NEW,
            validation,
            replace(settings.fine_tune, seed=seed, precision=precision),
            on_batch=print_first,
            on_piece=Throttle().rest,
        )


if __name__ == "__main__":
    main()
