import json
from collections.abc import Callable

import pytest
from click.testing import Result

from perennial.demo.images import NUM_FEEDBACK, digit_images


def test_every_image_of_the_demo_has_one_part_only() -> None:
    images = digit_images()
    parts = [images.initial, images.feedback, images.unseen_old, images.unseen_new]
    contents = [{file.read() for file in part} for part in parts]
    assert sum(map(len, contents)) == len(set().union(*contents)) == sum(map(len, parts))
    assert len(images.feedback) == NUM_FEEDBACK
    scans = [{file.name.removeprefix("drifted ") for file in part} for part in parts]
    assert not scans[0] & scans[1]
    assert not (scans[0] | scans[1]) & (scans[2] | scans[3])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_learns_the_drifted_digits_and_keeps_the_old(run: Callable[..., Result]) -> None:
    result = run("demo", "--json")
    outcome = json.loads(result.stdout)
    assert (result.exit_code, outcome["state"]) == (0, "promoted")
    assert outcome["new_after"] > outcome["new_before"] + 10
    assert outcome["old_after"] > outcome["old_before"] - 2
