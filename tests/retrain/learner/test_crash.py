"""A learner is killed in the middle of rounds that really learn: the next one finishes or repeats them."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from store.database.schema import alias_moves, version_samples
from store.database.schema import rounds as rounds_table
from store.round_states import MAX_TRIES_IN_ALL
from store.rounds import rounds
from tests.retrain.world import World

CLASSES = ("blue", "green", "red", "yellow")
_ONCE = ("train", "validation", "holdout")


def _check_promises(world: World) -> None:
    """The alias points to versions that passed only, and no sample was used by two of them."""
    with world.database.read() as connection:
        passed = set(
            connection.scalars(select(rounds_table.c.candidate).where(rounds_table.c.state == "promoted"))
        )
        moved = set(
            connection.scalars(select(alias_moves.c.to_version).where(alias_moves.c.actor != "train"))
        )
        twice = connection.execute(
            select(version_samples.c.sample_id)
            .where(version_samples.c.role.in_(_ONCE))
            .group_by(version_samples.c.sample_id)
            .having(func.count() > 1)
        ).all()
    assert moved == passed
    assert twice == []


def _kill_at_random(
    world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None], num_kills: int
) -> None:
    rng = random.Random(1)
    world.send(CLASSES, 160)
    round_id = world.database.write(lambda c: rounds.request_round(c, "a person", "because").id)
    for number in range(num_kills):
        process = start_learner(world, f"learner-{number}", child="learning", lease_seconds=2.0)
        tries = world.find_round(round_id).num_tries
        wait_until(lambda tries=tries: _has_begun(world, round_id, tries), "the round was begun", 60)
        time.sleep(rng.uniform(0.0, 10.0))  # the moment of the kill is what the test varies
        process.kill()
        process.communicate()
        _check_promises(world)
    start_learner(world, "the last", child="learning", lease_seconds=2.0)
    wait_until(lambda: world.find_round(round_id).ended is not None, "the round has ended", 200)
    _check_promises(world)
    ended = world.find_round(round_id)
    assert ended.state == "promoted", ended.reason
    assert world.production.version == ended.candidate == "v2"
    assert world.num_pending == 0


def _has_begun(world: World, round_id: int, num_tries: int) -> bool:
    current = world.find_round(round_id)
    return current.num_tries > num_tries or current.ended is not None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_round_outlives_two_killed_learners(
    world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    _kill_at_random(world, start_learner, wait_until, num_kills=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_round_outlives_as_many_killed_learners_as_leave_it_a_try(
    world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    _kill_at_random(world, start_learner, wait_until, num_kills=MAX_TRIES_IN_ALL - 1)
