"""A serving process starts soon: it loads nothing that only training needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each of them takes a second or more.
SLOW = ("torchvision", "torch._dynamo", "sklearn", "scipy", "matplotlib", "nncf", "timm")


def test_a_worker_loads_nothing_that_only_training_needs() -> None:
    code = (
        "import sys, perennial.worker, service.api, vision.engines.openvino_engine\n"
        f"print(*[name for name in {SLOW} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
