"""Write a checkpoint's backbone as the file that is bundled."""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.backbone.distil import Student
from vision.weights.bundled import FILE


def main() -> None:
    """Export `OUT/checkpoint.pt` in half precision under torchvision's names, with the class names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("backbone"), help="folder of the checkpoint")
    folder = parser.parse_args().out
    checkpoint = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    class_names = checkpoint["class_names"]
    student = Student(len(class_names))
    student.load_state_dict(checkpoint["student"])
    state = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in student.backbone().items()
    }
    recipe = json.dumps(checkpoint["recipe"] | {"epochs_done": checkpoint["epoch"]})
    save_file(state, FILE, metadata={"class_names": json.dumps(class_names), "recipe": recipe})
    print(f"{FILE.name}: {FILE.stat().st_size / 2**20:.1f} MiB, {checkpoint['epoch']} epochs")


if __name__ == "__main__":
    main()
