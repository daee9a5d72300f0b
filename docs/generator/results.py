"""Reads the recorded results of benchmarks."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's figures, and how to measure them again."""

    name: str
    command: str
    commit: str
    machine: str
    date: str
    figures: dict[str, Any]

    def origin(self) -> str:
        """Return where the figures come from, in one line."""
        when = f", {self.date}" if self.date else ""
        return (
            f"`{self.command}`, {self.machine}, commit {self.commit}{when}. "
            f"All figures: `benchmarks/results/{self.name}.json`."
        )


def read(name: str) -> Result:
    """Return the recorded result of a benchmark."""
    recorded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    machine = recorded["machine"]
    if isinstance(machine, dict):
        machine = f"{machine['cores']} cores of an {machine['processor']}, {machine['memory_gib']} GiB"
    return Result(
        name=name,
        command=recorded["command"],
        commit=recorded["commit"],
        machine=machine.replace("(R)", "").replace(" Processor", ""),
        date=recorded.get("date", ""),
        figures=recorded["figures"] if "figures" in recorded else recorded["rates"],
    )


def signed(points: float) -> str:
    """Return a change with its sign, to a tenth.

    >>> signed(-0.13)
    '−0.1'
    """
    return f"{points:+.1f}".replace("-", "−")


def percent(fraction: float) -> str:
    """Return a fraction in per cent, without needless decimals.

    >>> percent(0.038), percent(0.0)
    ('3.8 %', '0 %')
    """
    return f"{round(100 * fraction, 1):g} %"
