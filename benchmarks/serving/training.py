"""A round's training alone, on 500 new and 500 replayed photographs, again and again."""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

from benchmarks.serving.pictures import DEFAULT_FOLDER
from perennial.settings import Settings
from retrain.child import die_with_parent
from retrain.courtesy import Courtesy
from retrain.fine_tune import Lesson, Listeners, fine_tune
from retrain.priority import yield_to_serving
from vision.artifact import Artifact
from vision.augmentation import Level, augmented
from vision.engines.processor import training_precision
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.preprocessing import ImageLimits, preprocessing_for

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

    lesson = Lesson(images(pairs, settings.fine_tune.augmentation), NUM_NEW, images(pairs[:100], "none"))
    told = iter(["training"])

    def tell(done: int, total: int) -> None:
        for line in told:
            print(line, flush=True)

    for seed in itertools.count():
        fine_tune(
            artifact,
            artifact.build(),
            lesson,
            replace(settings.fine_tune, seed=seed, precision=precision),
            Listeners(on_epoch=lambda epoch: None, on_batch=tell, on_piece=Courtesy().rest),
        )


if __name__ == "__main__":
    main()
