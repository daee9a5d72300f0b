"""What an experiment tells its reader: an answer, a table and charts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Figures as people read them: columns with their units, rows of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the figures.

    Attributes:
        title: What it shows.
        svg: An <svg> element that needs nothing from elsewhere.
        caption: How to read it.
    """

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one experiment found.

    Attributes:
        answer: Sentences that follow from the figures, the most important first.
        table: One row for each variant.
        charts: Pictures of the same figures.
    """

    answer: tuple[str, ...]
    table: Table
    charts: tuple[Chart, ...]
