"""Writes every generated page, and the table of figures in the README."""

from docs.generator.pages import ROOT, generated


def main() -> None:
    """Write what differs from what is there."""
    for path, text in generated().items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
