import random
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from store.database.database import Database
from store.database.facts import write_fact
from store.database.migrate import migrate
from store.database.schema import labels, samples
from store.samples.new_samples import NewSample
from store.samples.pending import num_pending
from store.samples.samples import add_samples
from tests.store.samples.test_samples import CLASSES, SETTINGS, SPLITTER, add, far_hash, flip, new


def _arrivals(rng: random.Random) -> list[NewSample]:
    """Images that come twice, are near to each other or are of one group; their labels may differ."""
    hashes = [far_hash() for _ in range(6)]
    return [
        new(
            f"image {rng.randrange(25)}",
            rng.choice(("ants", "bees", "bee")),
            rng.choice(("ann", "ben")),
            phash=flip(rng.choice(hashes), rng.randrange(5)) if rng.random() < 0.5 else far_hash(),
            group=rng.choice((None, None, "camera 1", "camera 2")),
            origin=rng.choice(("direct", "initial")),
        )
        for _ in range(60)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_samples_that_come_together_become_what_they_become_one_by_one(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    arrivals = _arrivals(rng)
    sizes = [rng.randrange(1, 12) for _ in arrivals]
    states = []
    for is_together in (False, True):
        url = f"sqlite:///{tmp_path / f'{is_together}.db'}"
        migrate(url)
        database, left, outcomes = Database(url), list(arrivals), []
        database.write(lambda c: write_fact(c, "split_secret", SPLITTER.secret.hex()))
        for size in sizes:
            group, left = left[:size], left[size:]
            if is_together and group:
                add_group = partial(add_samples, arrived=group, class_names=CLASSES, settings=SETTINGS)
                outcomes += database.write(add_group)
            else:
                outcomes += [add(database, sample) for sample in group]
        with database.read() as connection:
            rows = connection.execute(
                select(*(c for c in samples.c if c.name not in ("label_revision", "created"))).order_by(
                    samples.c.id
                )
            ).all()
            in_force = select(samples.c.id, labels.c.label, labels.c.sample_id).join(
                labels, labels.c.id == samples.c.label_revision
            )
            revisions = connection.execute(in_force.order_by(samples.c.id)).all()
            states.append((outcomes, rows, revisions, num_pending(connection)))
        database.close()
    assert states[0] == states[1]
    assert all(row.id == row.sample_id for row in states[1][2])
    assert {outcome.status for outcome in states[1][0]} >= {
        "accepted",
        "duplicate",
        "corrected",
        "quarantined",
    }
