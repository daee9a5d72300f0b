"""Which device networks run on."""

import torch


def resolve_device(name: str) -> str:
    """Return "cuda" or "cpu" for a setting of "auto", "cuda" or "cpu"."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name
