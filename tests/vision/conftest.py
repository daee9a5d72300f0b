"""Fixtures of small real networks and pictures for this room's tests."""

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from tests.hub_server import no_hub  # noqa: F401  # used by name
from vision.artifact import Artifact
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture
def encode() -> Encode:
    """Return a function that encodes a Pillow image in a format."""

    def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        content = BytesIO()
        image.save(content, kind, **options)
        return content.getvalue()

    return encoded


@pytest.fixture
def picture() -> Picture:
    """Return a function that draws a smooth RGB picture, different for every seed."""

    def drawn(width: int = 48, height: int = 40, seed: int = 0) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    return drawn


@pytest.fixture
def artifact() -> Artifact:
    """An untrained ResNet-18 of three classes at 32 pixels."""
    return Artifact(
        backbone="resnet18",
        class_names=("ants", "bees", "wasps"),
        preprocessing=preprocessing_for("resnet18", 32),
        state=build_classifier("resnet18", 3).state_dict(),
        temperature=1.5,
        reference=torch.randn(5, 512).to(torch.float16),
    )


@pytest.fixture
def dark_and_bright(encode: Encode) -> Callable[..., list[tuple[bytes, int]]]:
    """Return a function that makes encoded pictures of two easy classes: dark ones and bright ones."""

    def make(num: int, size: int = 32, seed: int = 0) -> list[tuple[bytes, int]]:
        rng = np.random.default_rng(seed)
        pairs = []
        for index in range(num):
            label = index % 2
            low, high = (130, 256) if label else (0, 120)
            pixels = rng.integers(low, high, (size, size, 3), dtype=np.uint8)
            pairs.append((encode(Image.fromarray(pixels)), label))
        return pairs

    return make
