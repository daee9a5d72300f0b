"""Forgetting: the accuracy of every version on every slice, with what production lost."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Connection

from monitoring.accuracy import SliceAccuracy, measured_accuracies, paired_loss_interval
from monitoring.golden_overuse import is_overused
from store.evidence.answers import count_pairs
from store.slices import GOLDEN_PREFIX, slice_names
from store.version_history import parents_in_lineage
from store.versions import find_version

MAX_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Lost:
    """What production lost on a slice since the best of its ancestors; a gain is negative.

    Source:
        Chaudhry et al., "Riemannian Walk for Incremental Learning", ECCV 2018, measured on the same images.

    Attributes:
        since: The ancestor.
        accuracy: A fraction in [-1, 1].
        low: Lower end of the two-sided 95 % interval, on the images that both answered; None where the
            ancestor's answers weren't stored.
        high: Its upper end.
        num_images: How many both answered.
    """

    since: str
    accuracy: float
    low: float | None = None
    high: float | None = None
    num_images: int = 0


@dataclass(frozen=True, slots=True)
class ForgettingMatrix:
    """Versions by slices, both oldest first.

    `cells` holds what was measured. `lost` maps a slice to what production lost since the best of its
    ancestors; a slice with nothing to compare is missing.
    """

    versions: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    cells: tuple[SliceAccuracy, ...] = ()
    lost: dict[str, Lost] = field(default_factory=dict)
    is_golden_overused: bool = False


def forgetting_matrix(connection: Connection, production: str | None) -> ForgettingMatrix:
    """Read the matrix of production's lineage: its newest 20 versions on the slices still in use.

    Production is always among them.
    """
    if production is None:
        return ForgettingMatrix()
    parents, slices = _lineage(connection, production)
    in_use = set(slices)
    cells = [cell for cell in measured_accuracies(connection, list(parents)) if cell.slice in in_use]
    versions = _shown_versions(parents, cells, production)
    judged = {cell.slice for cell in cells}
    golden = [name for name in slices if name.startswith(GOLDEN_PREFIX)]
    return ForgettingMatrix(
        versions,
        tuple(name for name in slices if name in judged),
        tuple(cell for cell in cells if cell.version in versions),
        _lost(connection, cells, _ancestry(parents, production)),
        bool(golden) and is_overused(connection, golden[-1]),
    )


def _shown_versions(
    parents: dict[str, str | None], cells: list[SliceAccuracy], production: str
) -> tuple[str, ...]:
    measured = {cell.version for cell in cells}
    ordered = [version for version in parents if version in measured]
    newest = ordered[-MAX_VERSIONS:]
    if production in ordered and production not in newest:
        # Newer ones were rolled back, or never approved.
        newest[0] = production
    return tuple(newest)


def _lineage(connection: Connection, production: str) -> tuple[dict[str, str | None], list[str]]:
    """Return each version of production's lineage with its parent and the slices it is judged on."""
    lineage = find_version(connection, production).lineage
    return parents_in_lineage(connection, lineage), slice_names(connection, lineage, production)


def _ancestry(parents: dict[str, str | None], production: str) -> list[str]:
    """Return production and its ancestors inside the lineage, oldest first."""
    line: list[str] = []
    version: str | None = production
    while version in parents and version not in line:
        line.append(version)
        version = parents[version]
    return line[::-1]


def _lost(connection: Connection, cells: list[SliceAccuracy], ancestry: list[str]) -> dict[str, Lost]:
    """Return what production, the last of its ancestry, lost on each slice."""
    measured = {(cell.version, cell.slice): cell.accuracy for cell in cells}
    lost = {}
    for name in dict.fromkeys(cell.slice for cell in cells):
        line = [version for version in ancestry if (version, name) in measured]
        if len(line) < 2 or line[-1] != ancestry[-1]:
            continue
        # Of equally good ones the oldest.
        best = max(line[:-1], key=lambda version: measured[version, name])
        difference = measured[best, name] - measured[line[-1], name]
        lost[name] = _on_same_images(connection, best, line[-1], name) or Lost(best, difference)
    return lost


def _on_same_images(connection: Connection, since: str, production: str, slice_name: str) -> Lost | None:
    """Return the loss on the images of a slice that both versions answered; None where there are none."""
    pairs = count_pairs(connection, since, production, slice_name)
    if not pairs:
        return None
    class_names = [find_version(connection, version).class_names for version in (since, production)]
    counts: Counter[tuple[bool, bool]] = Counter()
    for pair in pairs:
        answered = zip(class_names, (pair.first_index, pair.second_index), strict=True)
        before, after = (index >= 0 and names[index] == pair.label for names, index in answered)
        counts[before, after] += pair.num
    num_images = counts.total()
    num_lost, num_won = counts[True, False], counts[False, True]
    low, high = paired_loss_interval(num_lost, num_won, counts[True, True], counts[False, False])
    return Lost(since, (num_lost - num_won) / num_images, low, high, num_images)
