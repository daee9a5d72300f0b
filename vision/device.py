"""Which device networks run on, and how much of it a process may take."""

import torch


def resolve_device(name: str) -> str:
    """Return "cuda" or "cpu" for a setting of "auto", "cuda" or "cpu"."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def limit_device_memory(device: str, fraction: float) -> None:
    """Let this process take no more than a fraction of a CUDA device's memory; of "cpu" there is no limit."""
    if torch.device(device).type == "cuda":
        torch.cuda.set_per_process_memory_fraction(fraction)
