"""The list of decisions, read from the titles of their pages."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "adr"


def markdown() -> str:
    """Return docs/adr/index.md, whole."""
    lines = [
        "# Decisions",
        "",
        "Each page holds one choice that a newcomer would question: context, decision, consequences.",
        "",
    ]
    for page in sorted(_FOLDER.glob("0*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}]({page.name})")
    return "\n".join(lines) + "\n"
