"""Forgetting: the accuracy of every version on every slice, with what production lost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from monitoring.accuracy import SliceAccuracy, measured_accuracies
from monitoring.errors import TooFewRoundsError
from store.slices import slice_names
from store.version_history import parents_in_lineage
from store.versions import find_version

MAX_VERSIONS = 20


def forgetting(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the accuracy each slice lost since its best earlier round.

    Args:
        accuracy: Shape (rounds, slices), fractions in [0, 1], oldest round first; NaN where a round was
            not measured on a slice.

    Returns:
        Shape (slices,), in [-1, 1]; negative means the slice improved. NaN where the last round or all
        earlier ones were not measured.

    Raises:
        TooFewRoundsError: Fewer than two rounds were given.

    Source:
        Chaudhry et al., "Riemannian Walk for Incremental Learning", ECCV 2018.

    >>> forgetting(np.array([[0.5, 0.75], [0.75, 0.5], [0.5, 0.75]]))
    array([0.25, 0.  ])
    """
    if len(accuracy) < 2:
        raise TooFewRoundsError(
            f"Forgetting compares rounds; got {len(accuracy)}. Finish one more round, then retry."
        )
    # fmax passes over NaN, and gives NaN where there is nothing else.
    return np.asarray(np.fmax.reduce(accuracy[:-1], axis=0) - accuracy[-1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ForgettingMatrix:
    """Versions by slices, both oldest first.

    `cells` holds what was measured. `forgotten` maps a slice to what production lost since the best of
    its ancestors, a fraction; a slice with nothing to compare is missing.
    """

    versions: tuple[str, ...]
    slices: tuple[str, ...]
    cells: tuple[SliceAccuracy, ...]
    forgotten: dict[str, float]


def forgetting_matrix(connection: Connection, production: str | None) -> ForgettingMatrix:
    """Read the matrix of production's lineage: its newest 20 versions on the slices still in use.

    Production is always among them.
    """
    if production is None:
        return ForgettingMatrix((), (), (), {})
    parents, slices = _lineage(connection, production)
    in_use = set(slices)
    cells = [cell for cell in measured_accuracies(connection, list(parents)) if cell.slice in in_use]
    versions = _shown_versions(parents, cells, production)
    judged = {cell.slice for cell in cells}
    return ForgettingMatrix(
        versions,
        tuple(name for name in slices if name in judged),
        tuple(cell for cell in cells if cell.version in versions),
        _forgotten(cells, _ancestry(parents, production)),
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


def _forgotten(cells: list[SliceAccuracy], ancestry: list[str]) -> dict[str, float]:
    if len(ancestry) < 2:
        return {}
    slices = sorted({cell.slice for cell in cells})
    rows = {version: row for row, version in enumerate(ancestry)}
    columns = {name: column for column, name in enumerate(slices)}
    accuracy = np.full((len(ancestry), len(slices)), np.nan)
    for cell in cells:
        if cell.version in rows:
            accuracy[rows[cell.version], columns[cell.slice]] = cell.accuracy
    return {
        name: float(lost)
        for name, lost in zip(slices, forgetting(accuracy), strict=True)
        if not np.isnan(lost)
    }
