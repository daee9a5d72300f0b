import json
from collections.abc import Callable

import pytest
from click.testing import Result

from perennial.demo_world import NUM_FEEDBACK, digits_world


def test_every_image_of_the_demo_has_one_part_only() -> None:
    world = digits_world()
    parts = [world.initial, world.feedback, world.unseen_old, world.unseen_new]
    contents = [{file.read() for file in part} for part in parts]
    assert sum(map(len, contents)) == len(set().union(*contents)) == sum(map(len, parts))
    assert len(world.feedback) == NUM_FEEDBACK
    scans = [{file.name.removeprefix("drifted ") for file in part} for part in parts]
    assert not scans[0] & scans[1]
    assert not (scans[0] | scans[1]) & (scans[2] | scans[3])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_learns_the_drifted_digits_and_keeps_the_old(run: Callable[..., Result]) -> None:
    result = run("demo", "--json")
    story = json.loads(result.stdout)
    assert (result.exit_code, story["state"]) == (0, "promoted")
    assert story["new_after"] > story["new_before"] + 10
    assert story["old_after"] > story["old_before"] - 2
