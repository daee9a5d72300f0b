"""Runs one round in this process on the home that the environment names, and prints what it took."""

import json
import resource
import time

from sqlalchemy import Connection

from perennial.settings import Settings
from perennial.state import open_state
from retrain.round import Handles, run_round
from store import leases, rounds


def main() -> None:
    """Print one JSON object: seconds, peak memory and how it ended."""
    settings = Settings.load()
    with open_state(settings) as state:
        round_id, fencing = state.database.write(_begin)
        begun = time.perf_counter()
        run_round(Handles(state.database, state.blobs, settings.round()), round_id, fencing)
        seconds = time.perf_counter() - begun
        with state.database.read() as connection:
            ended = rounds.find_round(connection, round_id)
    print(
        json.dumps(
            {
                "seconds": round(seconds, 1),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "state": ended.state,
            }
        )
    )


def _begin(connection: Connection) -> tuple[int, int]:
    fencing = leases.acquire(connection, "benchmark", 3600.0)
    if fencing is None:
        raise SystemExit("Expected a home that no learner works on; another holds its lease.")
    round_id = rounds.request_round(connection, "benchmark", "a benchmark asks").id
    rounds.begin(connection, round_id, fencing)
    return round_id, fencing


if __name__ == "__main__":
    main()
