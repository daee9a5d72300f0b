from dataclasses import replace
from typing import Any

from store import registry, slices
from store.measurements import series

CLASSES = ("blue", "green", "red", "yellow")


def test_a_good_round_is_promoted_with_its_slice_and_its_measurements(world: Any) -> None:
    world.send(CLASSES, 600)
    ended = world.run()
    assert ended.state == "promoted", ended.reason
    assert (ended.production, ended.candidate) == ("v1", "v2")
    assert world.production.version == "v2"
    assert world.num_pending == 0
    with world.database.read() as connection:
        assert slices.slice_names(connection, 1) == ["golden-1", f"round-{ended.id}"]
        measured = {(m.version, m.slice): m.value for m in series(connection, "accuracy")}
    assert measured["v2", "round-1"] > measured["v1", "round-1"] + 0.1
    assert "curves.png" in world.production.files
    assert ended.curves["epochs"]
