"""Tiny ImageNet as one array, and random views of its pictures."""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

# The repository's development data; `--data` names another archive.
DEFAULT_ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "tiny-imagenet-40k.tar.xz"

_GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Labelled pictures.

    Attributes:
        pixels: uint8 (N, 3, 64, 64).
        labels: int64 (N,), indices into `class_names`.
        class_names: English words, in the order of the WordNet ids.
    """

    pixels: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Views:
    """How far random views go from a picture.

    Attributes:
        min_area: Smallest share of the picture's area that a crop keeps.
        max_ratio: A crop's sides are stretched by up to this factor against each other.
        jitter: Largest relative change of brightness, contrast and saturation.
        grey: Share of views without colour.
    """

    min_area: float = 0.2
    max_ratio: float = 4 / 3
    jitter: float = 0.3
    grey: float = 0.05


def read_pictures(archive: Path, part: str) -> Pictures:
    """Read `part/WNID/*.JPEG` of the archive, whose `words.json` maps each WNID to its words."""
    pictures: list[tuple[str, str, np.ndarray]] = []
    words: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            path = PurePosixPath(member.name)
            if path.name == "words.json":
                words = json.load(file)
            elif len(path.parts) >= 3 and path.parts[-3] == part:
                image = Image.open(io.BytesIO(file.read())).convert("RGB")
                pictures.append((path.parts[-2], path.name, np.asarray(image)))
    if not pictures or not words:
        raise SystemExit(
            f"Expected {part}/WNID/* and words.json in {archive}, found {len(pictures)} pictures."
        )
    pictures.sort(key=lambda picture: picture[:2])
    ids = sorted({wnid for wnid, _, _ in pictures})
    pixels = np.stack([picture for _, _, picture in pictures]).transpose(0, 3, 1, 2)
    labels = torch.tensor([ids.index(wnid) for wnid, _, _ in pictures])
    return Pictures(torch.from_numpy(np.ascontiguousarray(pixels)), labels, _names(ids, words))


def random_views(pixels: Tensor, size: int, views: Views, generator: torch.Generator) -> Tensor:
    """Return one random view of each picture: cropped, mirrored, its colours shaken.

    Args:
        pixels: uint8 (N, 3, H, W).
        size: Side of the views in pixels.
        views: How far they go.
        generator: Draws them.

    Returns:
        float32 (N, 3, size, size), in [0, 1].
    """
    num = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(num).uniform_(low, high, generator=generator)

    area, log_ratio = uniform(views.min_area, 1.0), float(np.log(views.max_ratio))
    ratio = torch.exp(uniform(-log_ratio, log_ratio))
    width, height = (area * ratio).sqrt().clamp(max=1.0), (area / ratio).sqrt().clamp(max=1.0)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    boxes = torch.zeros(num, 2, 3)
    boxes[:, 0, 0], boxes[:, 1, 1] = width * mirror, height
    boxes[:, 0, 2], boxes[:, 1, 2] = uniform(-1, 1) * (1 - width), uniform(-1, 1) * (1 - height)
    grid = affine_grid(boxes, [num, 3, size, size], align_corners=False)
    cropped = grid_sample(pixels.float() / 255, grid, padding_mode="border", align_corners=False)
    return _shaken(
        cropped, [uniform(1 - views.jitter, 1 + views.jitter) for _ in range(3)], uniform(0, 1) < views.grey
    )


def _shaken(pictures: Tensor, factors: list[Tensor], is_grey: Tensor) -> Tensor:
    brightness, contrast, saturation = (factor.view(-1, 1, 1, 1) for factor in factors)
    weights = torch.tensor(_GREY).view(1, 3, 1, 1)
    pictures = pictures * brightness
    grey = (pictures * weights).sum(dim=1, keepdim=True)
    saturation = torch.where(is_grey.view(-1, 1, 1, 1), 0.0, saturation)
    pictures = grey + saturation * (pictures - grey)
    mean = grey.mean(dim=(2, 3), keepdim=True)
    return (mean + contrast * (pictures - mean)).clamp(0.0, 1.0)


def _names(ids: list[str], words: dict[str, str]) -> tuple[str, ...]:
    """Return the first of each class's words, or all of them where two classes share the first."""
    firsts = [words[wnid].split(",")[0].strip() for wnid in ids]
    return tuple(
        first if firsts.count(first) == 1 else words[wnid] for wnid, first in zip(ids, firsts, strict=True)
    )
