"""Names what is generated: each file with what writes it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import (
    api,
    benchmarks,
    commands,
    days_until_proof,
    decisions,
    metrics,
    readme_figures,
)
from perennial.settings import table

ROOT = Path(__file__).parents[2]
_EXPLANATION = "docs/explanation/how-a-candidate-earns-production.md"

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/settings.md": table.markdown,
    "docs/reference/api.md": api.markdown,
    "docs/reference/metrics.md": metrics.markdown,
    "docs/reference/commands.md": commands.markdown,
    "docs/adr/index.md": decisions.markdown,
    "docs/benchmarks.md": benchmarks.markdown,
    _EXPLANATION: lambda: days_until_proof.put_into((ROOT / _EXPLANATION).read_text(encoding="utf-8")),
    "README.md": lambda: readme_figures.put_into((ROOT / "README.md").read_text(encoding="utf-8")),
}


def generated() -> dict[str, str]:
    """Return the text of every generated file, by its path in the repository."""
    return {path: write() for path, write in PAGES.items()}
