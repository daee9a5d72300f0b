"""A store of which a round named a source, for tests of what is told of it."""

from typing import Any

from sqlalchemy import Connection

from store import leases
from store.rounds import progress, rounds
from store.rounds.log import SOURCES_STEP, add_step
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings

SENTENCE = "Bad labels come from mallory. The 1 doubtful ones were not learnt; a person decides on the rest."


def _found(source: str, *, is_named: bool, doubtful: list[int]) -> dict[str, Any]:
    return {
        "source": source,
        "num_labels": 40,
        "num_doubtful": 30,
        "num_compared": 40,
        "share_doubtful": 0.75 if is_named else 0.25,
        "share_of_others": 0.25,
        "p_value": 1e-6 if is_named else 0.5,
        "is_named": is_named,
        "sentence": "Named: for a test." if is_named else "Not named: for a test.",
        "doubtful": doubtful,
    }


def name_mallory(connection: Connection, classes: tuple[str, ...], sha256: str) -> int:
    """Have ann and mallory label images, and a round name mallory; return the sample of the image given."""
    ids = [
        add_sample(
            connection, NewSample(digest, number, "direct", source, classes[0]), classes, SplitSettings()
        ).sample_id
        for number, (source, digest) in enumerate([("mallory", sha256), ("ann", "e" * 64)])
    ]
    fencing = leases.acquire(connection, "learner", 60.0)
    assert fencing is not None
    round_id = rounds.request_round(connection, "tests", "for a test").id
    progress.begin(connection, round_id, fencing)
    sources = [_found("ann", is_named=False, doubtful=[]), _found("mallory", is_named=True, doubtful=ids[:1])]
    detail = {"sentence": SENTENCE, "num_left_out": 1, "sources": sources}
    add_step(connection, round_id, SOURCES_STEP, detail, fencing)
    return ids[0]
