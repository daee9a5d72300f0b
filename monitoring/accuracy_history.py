"""How good production was over time: on the golden images, and on those that were new at each promotion."""

from sqlalchemy import Connection

from monitoring.accuracy import SliceAccuracy, measured_accuracies, wilson_interval
from monitoring.answers.accuracy import AccuracyHistory, ProductionChange, Share
from store import registry
from store.labelled_draws import labelled_draws, newest_sample
from store.registry import Move
from store.slices import GOLDEN_PREFIX, round_slice
from store.version_history import last_moves, rounds_of

# However many labels there are, so many are read for the accuracy on live images.
LAST_SAMPLES = 5000
Cells = dict[tuple[str, str], SliceAccuracy]


def accuracy_history(connection: Connection, limit: int = 100) -> AccuracyHistory:
    """Return the last `limit` moves of production, oldest first, with the accuracy of what came."""
    moves = last_moves(connection, limit)
    names = {name for move in moves for name in (move.from_version, move.to_version) if name}
    measured = measured_accuracies(connection, sorted(names))
    cells = {(cell.version, cell.slice): cell for cell in measured}
    # Of several golden sets the last one that the version was asked about.
    golden = {cell.version: cell for cell in measured if cell.slice.startswith(GOLDEN_PREFIX)}
    rounds = rounds_of(connection, sorted(names))
    return AccuracyHistory(
        moves=[_change(move, cells, golden, rounds) for move in moves], live=live_accuracy(connection)
    )


def live_accuracy(connection: Connection, num_samples: int = LAST_SAMPLES) -> Share | None:
    """Return how often production was right on the labelled fair draws of the last samples, or None."""
    production = registry.production(connection)
    if production is None:
        return None
    after = max(0, newest_sample(connection) - num_samples)
    draws = labelled_draws(connection, production.version, after).draws
    if not draws:
        return None
    num_right = sum(draw.is_right for draw in draws)
    low, high = wilson_interval(num_right, len(draws))
    return Share(accuracy=num_right / len(draws), low=low, high=high, num_images=len(draws))


def _change(
    move: Move, cells: Cells, golden: dict[str, SliceAccuracy], rounds: dict[str, int]
) -> ProductionChange:
    round_id = None if move.is_roll_back else rounds.get(move.to_version)
    new = round_slice(round_id) if round_id is not None else ""
    return ProductionChange(
        created=move.created,
        version=move.to_version,
        from_version=move.from_version,
        is_roll_back=move.is_roll_back,
        reason=move.reason,
        old=_share(golden.get(move.to_version)),
        new_before=_share(cells.get((move.from_version or "", new))),
        new=_share(cells.get((move.to_version, new))),
    )


def _share(cell: SliceAccuracy | None) -> Share | None:
    if cell is None:
        return None
    return Share(accuracy=cell.accuracy, low=cell.low, high=cell.high, num_images=cell.num_samples)
