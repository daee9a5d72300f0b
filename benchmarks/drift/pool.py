"""Photographs that no training saw, as a trained ResNet-18 sees them: by day, by night and tinted."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.photographs import DEFAULT_ARCHIVE, Photograph, night, read_by_class, turns
from monitoring.drift.observations import Observations
from vision.network import build_classifier
from vision.perceptual_hash import perceptual_hash
from vision.training.probe import fit_probe

CACHE = Path(__file__).parents[1] / "cache" / "drift"
# Of each class, for the head: the other 900 of `train` and the 300 of `test` are the pool.
_NUM_FOR_HEAD = 300
_PIXELS = 64
_PIECE = 1000
Variant = Callable[[Photograph, np.random.Generator], Photograph]
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@dataclass(frozen=True, slots=True)
class Pool:
    """Each photograph in each variant; row i is the same photograph everywhere.

    Attributes:
        classes: True class indices, shape (N,).
        variants: What the classifier says of each, by the variant's name.
        hashes: Perceptual hashes of the photographs by day, shape (N,).
    """

    classes: NDArray[np.int64]
    variants: dict[str, Observations]
    hashes: NDArray[np.int64]

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return int(self.classes.max()) + 1


def tinted(photograph: Photograph, rng: np.random.Generator) -> Photograph:
    """Return the picture under warm light: less blue, more red, and a little washed out."""
    pixels = np.asarray(_opened(photograph), dtype=np.float32)
    cast = np.array([1.15, 0.95, rng.uniform(0.45, 0.6)])
    buffer = io.BytesIO()
    image = Image.fromarray(np.clip(30 + 0.85 * pixels * cast, 0, 255).astype(np.uint8))
    image.save(buffer, "JPEG", quality=90)
    return Photograph(buffer.getvalue(), photograph.label)


VARIANTS: dict[str, Variant] = {
    "day": lambda photograph, rng: photograph,
    "night": night,
    "tinted": tinted,
}


def read_pool(archive: Path = DEFAULT_ARCHIVE, *, limit: int | None = None, cache: Path = CACHE) -> Pool:
    """Return the pool, embedded once and kept in the cache.

    Args:
        archive: A tar of `train/CLASS/*` and `test/CLASS/*`.
        limit: The first so many photographs only, to develop with.
        cache: Where embeddings are kept.
    """
    rng = np.random.default_rng(0)
    train, test = (read_by_class(archive, part, rng) for part in ("train", "test"))
    names = sorted(train)
    learnt = turns(train, 0, _NUM_FOR_HEAD * len(names))
    unseen = [
        *turns(train, _NUM_FOR_HEAD * len(names), 10**9),
        *turns(test, 0, 10**9),
    ][:limit]
    head = _head(_embedded("head", VARIANTS["day"], learnt, cache), _classes(learnt, names), len(names))
    variants = {
        name: _observed(_embedded(name, variant, unseen, cache), head) for name, variant in VARIANTS.items()
    }
    hashes = np.array([perceptual_hash(_opened(each)) for each in unseen])
    return Pool(_classes(unseen, names), variants, hashes)


def _classes(photographs: Sequence[Photograph], names: Sequence[str]) -> NDArray[np.int64]:
    return np.array([names.index(each.label) for each in photographs])


def _opened(photograph: Photograph) -> Image.Image:
    return Image.open(io.BytesIO(photograph.content)).convert("RGB")


def _head(embeddings: NDArray[np.float32], classes: NDArray[np.int64], num_classes: int) -> torch.nn.Linear:
    """Return a linear probe, as `perennial train --weights bundled` makes it."""
    head = torch.nn.Linear(embeddings.shape[1], num_classes)
    rows, indices = torch.from_numpy(embeddings), torch.from_numpy(classes)
    fifth = torch.arange(len(rows)) % 5 == 0
    fit_probe(head, (rows[~fifth], indices[~fifth]), (rows[fifth], indices[fifth]))
    return head.requires_grad_(False)


def _observed(embeddings: NDArray[np.float32], head: torch.nn.Linear) -> Observations:
    likely, labels = head(torch.from_numpy(embeddings)).softmax(dim=1).max(dim=1)
    return Observations(embeddings, labels.numpy(), likely.numpy())


def _embedded(
    name: str, variant: Variant, photographs: Sequence[Photograph], cache: Path
) -> NDArray[np.float32]:
    """Return embeddings (N, 512), from the cache where it has them, in pieces that are kept one by one."""
    pieces = []
    for start in range(0, len(photographs), _PIECE):
        numbers = range(start, min(start + _PIECE, len(photographs)))
        path = cache / f"{name}-{start}-{len(numbers)}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            piece = [variant(photographs[number], np.random.default_rng(number)) for number in numbers]
            np.save(path, _embed(piece).astype(np.float16))
        pieces.append(np.load(path).astype(np.float32))
    return np.concatenate(pieces)


def _embed(photographs: Sequence[Photograph]) -> NDArray[np.float32]:
    network = build_classifier("resnet18", 1, "bundled").eval()
    with torch.inference_mode():
        parts = [
            network.embed(_prepared(photographs[start : start + 50]))
            for start in range(0, len(photographs), 50)
        ]
    return torch.cat(parts).numpy()


def _prepared(photographs: Sequence[Photograph]) -> Tensor:
    size = (_PIXELS, _PIXELS)
    pixels = [np.asarray(_opened(each).resize(size, Image.Resampling.BILINEAR)) for each in photographs]
    scaled = (np.stack(pixels) / 255 - _MEAN) / _DEVIATION
    return torch.from_numpy(scaled.astype(np.float32)).permute(0, 3, 1, 2).contiguous()
