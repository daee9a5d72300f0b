"""Names what is generated: each file with what writes it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import api, benchmarks, commands, decisions, metrics, readme_figures
from perennial.settings import table

ROOT = Path(__file__).parents[2]

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/settings.md": table.markdown,
    "docs/reference/api.md": api.markdown,
    "docs/reference/metrics.md": metrics.markdown,
    "docs/reference/commands.md": commands.markdown,
    "docs/adr/index.md": decisions.markdown,
    "docs/benchmarks.md": benchmarks.markdown,
    "README.md": lambda: readme_figures.put_into((ROOT / "README.md").read_text(encoding="utf-8")),
}


def generated() -> dict[str, str]:
    """Return the text of every generated file, by its path in the repository."""
    return {path: write() for path, write in PAGES.items()}
