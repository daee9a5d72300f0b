"""Resolves the device that networks run on, and limits the memory that a process may use of it."""

import torch


def resolve_device(name: str) -> str:
    """Return "cuda" or "cpu" for a setting of "auto", "cuda" or "cpu"."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def limit_device_memory(device: str, fraction: float) -> None:
    """Limit this process to a fraction of a CUDA device's memory; "cpu" has no limit."""
    if torch.device(device).type == "cuda":
        torch.cuda.set_per_process_memory_fraction(fraction)
