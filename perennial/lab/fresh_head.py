"""Fine-tuning of a whole network at once under a random head: what the product's strategies avoid."""

import torch

from perennial.lab.arms import Job
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.training import TrainingSettings, fit

LEARNING_RATE = 1e-3
_BATCH_SIZE = 32
_EPOCHS = 10


def train_with_fresh_head(job: Job) -> Artifact:
    """Train all parameters from the first step on, by SGD with momentum 0.9 at a constant rate.

    Raises:
        TrainingDivergedError: The loss became infinite or undefined.
    """
    settings = job.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        classifier = build_classifier(settings.backbone, len(job.images.class_names), settings.weights)
    preprocessing = preprocessing_for(settings.backbone, settings.image_size)
    plain = augmented(preprocessing, "none")
    varied = augmented(preprocessing, settings.augmentation, settings.seed)
    result = fit(
        classifier,
        PreparedImages(job.training, varied, settings.limits),
        PreparedImages(job.validation, plain, settings.limits),
        TrainingSettings(
            epochs=settings.epochs or _EPOCHS,
            batch_size=settings.batch_size or _BATCH_SIZE,
            learning_rate=settings.learning_rate or LEARNING_RATE,
            weight_decay=1e-4,
            schedule="constant",
            seed=settings.seed,
            num_threads=settings.num_threads,
        ),
        device=job.device,
        on_epoch=job.on_epoch,
        on_batch=job.on_batch,
    )
    return Artifact(settings.backbone, job.images.class_names, preprocessing, result.state)
