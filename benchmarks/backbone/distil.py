"""Distil EfficientNet-Lite0 into ResNet-18, with a checkpoint after each epoch; run it again to go on."""

import argparse
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, kl_div, log_softmax, softmax
from torch.utils.data import DataLoader
from torchvision.models import resnet18

from benchmarks.backbone.pictures import DEFAULT_ARCHIVE, Pictures, Views, random_views, read_pictures
from benchmarks.backbone.teacher import TaughtBatch, TaughtViews, Teacher

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
_NUM_STANDARDISED = 2000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the student is trained.

    The loss is `label_weight` times the cross-entropy of the labels, plus `feature_weight` times one minus
    the cosine to the teacher's standardised features, plus the divergence from its logits at `temperature`.

    Source:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Beyer et al., "Knowledge
        distillation: A good teacher is patient and consistent", CVPR 2022 (both see the same view).
    """

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    size: int = 64
    teacher_size: int = 128
    label_weight: float = 0.5
    feature_weight: float = 4.0
    temperature: float = 2.0
    seed: int = 0


class Student(nn.Module):
    """ResNet-18 with its own head and two more heads, which imitate the teacher and are thrown away."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.network = resnet18(num_classes=num_classes)
        self.head = self.network.fc
        self.network.fc = nn.Identity()
        self.features = nn.Linear(512, 1280)
        self.logits = nn.Linear(512, 1000)

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return class logits, features and ImageNet logits of views (N, 3, size, size) in [0, 1]."""
        embeddings = self.network((views - MEAN) / STD)
        return self.head(embeddings), self.features(embeddings), self.logits(embeddings)

    def backbone(self) -> dict[str, Tensor]:
        """Return the weights under torchvision's names, the head's too."""
        state: dict[str, Tensor] = self.network.state_dict()
        return state | {"fc.weight": self.head.weight.detach(), "fc.bias": self.head.bias.detach()}


def main() -> None:
    """Train until the last epoch; each epoch prints a line and writes its checkpoint to the folder."""
    arguments = _arguments()
    recipe = Recipe(epochs=arguments.epochs)
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    training, validation = (read_pictures(arguments.data, part) for part in ("train", "val"))
    student = Student(len(training.class_names))
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    first = _resume(arguments.out, student, optimizer)
    mean, std = _feature_statistics(training, recipe)
    batches = TaughtViews(training, recipe.teacher_size, recipe.size, recipe.batch_size, recipe.seed)
    num_steps = recipe.epochs * len(batches)
    for epoch in range(first, recipe.epochs):
        batches.epoch, begun, losses = epoch, time.monotonic(), []
        student.train()
        for step, batch in enumerate(_load(batches)):
            rate = _rate(epoch * len(batches) + step, num_steps, recipe.warm_up)
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * rate
            loss = _loss(student, batch, (mean, std), recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            optimizer.step()
            losses.append(float(loss.detach()))
            if step % 50 == 0:
                _print_progress(f"epoch {epoch + 1}, step {step} of {len(batches)}, loss {losses[-1]:.3f}")
        accuracy = _accuracy(student, validation)
        seconds = time.monotonic() - begun
        _print_progress(
            f"epoch {epoch + 1} of {recipe.epochs}: loss {sum(losses) / len(losses):.3f}, "
            f"{100 * accuracy:.1f} % of {len(training.class_names)} classes, {seconds:.0f} s"
        )
        _save(arguments.out, student, optimizer, epoch + 1, recipe, training.class_names)


def _loss(student: Student, batch: TaughtBatch, statistics: tuple[Tensor, Tensor], recipe: Recipe) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        classes, features, logits = (each.float() for each in student(batch.views))
    mean, std = statistics
    temperature = recipe.temperature
    imitated = (1 - cosine_similarity(features, (batch.features - mean) / std)).mean()
    diverged = kl_div(
        log_softmax(logits / temperature, dim=1),
        softmax(batch.logits / temperature, dim=1),
        reduction="batchmean",
    )
    labelled = cross_entropy(classes, batch.labels)
    return recipe.label_weight * labelled + recipe.feature_weight * imitated + temperature**2 * diverged


def _feature_statistics(pictures: Pictures, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (1280,) of the teacher's features, from views of some pictures."""
    generator = torch.Generator().manual_seed(recipe.seed)
    teacher = Teacher(recipe.teacher_size)
    rows = torch.randperm(len(pictures), generator=generator)[:_NUM_STANDARDISED]
    features = torch.cat(
        [
            teacher(random_views(pictures.pixels[part], recipe.teacher_size, Views(), generator))[0]
            for part in torch.split(rows, recipe.batch_size)
        ]
    )
    return features.mean(dim=0), features.std(dim=0).clamp(min=1e-3)


def _load(batches: TaughtViews) -> Iterator[TaughtBatch]:
    # The worker makes complete batches, a few of them ahead, on a core of its own.
    return iter(DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8))


def _rate(step: int, num_steps: int, warm_up: float) -> float:
    rising = warm_up * num_steps
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (num_steps - rising)))


def _accuracy(student: Student, pictures: Pictures) -> float:
    student.eval()
    num_right = 0
    with torch.inference_mode():
        for start in range(0, len(pictures), 250):
            views = pictures.pixels[start : start + 250].float() / 255
            num_right += int((student(views)[0].argmax(dim=1) == pictures.labels[start : start + 250]).sum())
    return num_right / len(pictures)


def _save(
    folder: Path,
    student: Student,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    recipe: Recipe,
    class_names: tuple[str, ...],
) -> None:
    checkpoint: dict[str, Any] = {
        "student": student.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epoch,
        "recipe": asdict(recipe),
        "class_names": list(class_names),
    }
    torch.save(checkpoint, folder / "checkpoint.partial")
    os.replace(folder / "checkpoint.partial", folder / "checkpoint.pt")


def _resume(folder: Path, student: Student, optimizer: torch.optim.Optimizer) -> int:
    file = folder / "checkpoint.pt"
    if not file.exists():
        return 0
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    student.load_state_dict(checkpoint["student"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    _print_progress(f"going on after epoch {checkpoint['epoch']}")
    return int(checkpoint["epoch"])


def _print_progress(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE, help="a tar of train/WNID and val/WNID")
    parser.add_argument("--out", type=Path, default=Path("backbone"), help="folder of the checkpoint")
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        raise SystemExit(f"Expected an archive of pictures at {arguments.data}; name one with --data.")
    return arguments


if __name__ == "__main__":
    main()
