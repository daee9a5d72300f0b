"""Writes a benchmark's figures with all that is needed to repeat them."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def record(name: str, figures: dict[str, Any], command: str) -> Path:
    """Write `benchmarks/results/NAME.json` and return its path.

    Args:
        name: The file's name without its ending.
        figures: What was measured; the keys carry units.
        command: What to type, in the project's root, to measure again.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {"command": command, "commit": commit(), "machine": _machine(), "date": today()}
    path.write_text(json.dumps({**record, "figures": figures}, indent=2) + "\n")
    return path


def last_figures(name: str) -> dict[str, Any]:
    """Return the figures that were measured last, none where nothing was."""
    path = RESULTS / f"{name}.json"
    figures: dict[str, Any] = json.loads(path.read_text())["figures"] if path.exists() else {}
    return figures


def commit() -> str:
    """Return the commit, marked as dirty where anything else than what benchmarks write differs from it."""
    described = _git("describe", "--always", "--abbrev=12").stdout.strip()
    changed = _git(
        "status", "--porcelain", "--", ":/", ":(exclude,top)benchmarks/results", ":(exclude,top)docs"
    )
    return f"{described}{'-dirty' if changed.stdout.strip() else ''}" or "unknown"


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def _machine() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
