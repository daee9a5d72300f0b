from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.hub import get_dir, set_dir
from torchvision import models

from tests.hub_server import hub_server
from vision.weights.hub import imagenet_weights

MakeImages = Callable[..., Path]


def test_training_starts_from_weights_of_the_hub(
    run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    buffer = BytesIO()
    torch.save(models.resnet18().state_dict(), buffer)
    before = get_dir()
    set_dir(tmp_path / "hub")
    try:
        with hub_server(buffer.getvalue()) as hub:
            hub.num_cuts = 1
            name = f"resnet18-{sha256(buffer.getvalue()).hexdigest()[:8]}.pth"
            monkeypatch.setattr(imagenet_weights("resnet18").value, "url", f"{hub.url}/{name}")
            trained = run_json("train", str(make_images(tmp_path / "images")), "--image-size", "32")
    finally:
        set_dir(before)
    assert trained["metrics"]["strategy"] == "linear_probe"
    assert len(hub.ranges) == 2
