"""Runs one round in this process on the home that the environment names, and prints its cost."""

import json
import resource
import time

from sqlalchemy import Connection

from perennial.settings.settings import Settings
from perennial.state import open_state
from retrain.journal import Journal
from retrain.round import run_round
from store import leases
from store.rounds import progress, rounds
from store.rounds.records import find_round


def main() -> None:
    """Print one JSON object: seconds, peak memory and how it ended."""
    settings = Settings.load()
    with open_state(settings) as state:
        round_id, fencing = state.database.write(begin)
        begun = time.perf_counter()
        run_round(state, settings.round(), Journal(state.database, round_id, fencing))
        seconds = time.perf_counter() - begun
        with state.database.read() as connection:
            ended = find_round(connection, round_id)
    print(
        json.dumps(
            {
                "seconds": round(seconds, 1),
                "cpu_seconds": round(time.process_time(), 1),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "state": ended.state,
                "reason": ended.reason,
            }
        )
    )


def begin(connection: Connection) -> tuple[int, int]:
    """Request a round and begin it; return its number and the fencing number."""
    fencing = leases.acquire(connection, "benchmark", 3600.0)
    if fencing is None:
        raise SystemExit("Expected a home that no learner works on; another holds its lease.")
    round_id = rounds.request_round(connection, "benchmark", "a benchmark asks").id
    progress.begin(connection, round_id, fencing)
    return round_id, fencing


if __name__ == "__main__":
    main()
