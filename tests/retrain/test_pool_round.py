"""Rounds that are judged on what was predicted, whether anybody labelled it or not."""

from dataclasses import replace
from typing import Any

import pytest

from retrain.trial import follow_trial
from store import slices
from store.evidence.questions import num_open, open_questions
from store.evidence.trials import current_trial
from store.rounds.records import Round
from store.samples.pending import count_new
from tests.retrain.world import World


@pytest.fixture
def world(world: World) -> World:
    """The world, when 130 pictures of the night have been predicted and then labelled by their users."""
    pictures = world.night(130)
    world.predict([content for _, content in pictures], held_out=False)
    for label, content in pictures:
        world.add(label, content, source="users", is_trusted=False)
    return world


@pytest.fixture
def held_out(world: World) -> dict[str, tuple[str, bytes]]:
    """SHA-256 → (label, content) of sixty more, which are held out."""
    pictures = world.night(60)
    return dict(zip(world.predict([content for _, content in pictures]), pictures, strict=True))


def _check(ended: Round, name: str) -> dict[str, Any]:
    assert ended.verdict is not None
    found: dict[str, Any] = next(check for check in ended.verdict["checks"] if check["name"] == name)
    return found


@pytest.mark.usefixtures("trained_once")
def test_a_round_is_promoted_by_the_labels_of_what_was_predicted(
    world: World, held_out: dict[str, tuple[str, bytes]]
) -> None:
    labelled = list(held_out)[:50]
    for sha256 in labelled:
        world.add(*held_out[sha256], source="users", is_trusted=False)
    ended = world.run()
    assert ended.state == "promoted", ended.reason
    numbers = _check(ended, "new")["numbers"]
    assert numbers["num_images"] == 60
    assert numbers["num_won"] > numbers["num_lost"] + numbers["num_open"]
    with world.database.read() as connection:
        kept = {sample.sha256 for sample in slices.slice_samples(connection, f"round-{ended.id}")}
    assert kept == set(labelled)
    assert world.num_pending == 0


@pytest.mark.usefixtures("trained_once")
def test_without_labels_a_round_asks_where_the_two_differ_and_the_answers_promote_it(
    world: World, held_out: dict[str, tuple[str, bytes]]
) -> None:
    waiting = world.run()
    assert waiting.state == "awaiting_labels", waiting.reason
    assert (waiting.candidate, world.production.version) == ("v2", "v1")
    numbers = _check(waiting, "new")["numbers"]
    with world.database.read() as connection:
        asked = open_questions(connection, "ann", 60)
        trial = current_trial(connection)
    assert trial is not None
    assert trial.num_asked == len(asked) == numbers["num_open"] == numbers["num_differing"]
    assert {question.sha256 for question in asked} <= held_out.keys()
    fencing = world.acquire_lease()
    num_answered = 0
    while world.find_round(waiting.id).state == "awaiting_labels":
        label, content = held_out[asked[num_answered].sha256]
        world.add(label, content, origin="audit", source="ann", is_trusted=False)
        num_answered += 1
        follow_trial(world.database, fencing, world.settings.gate, "auto")
    ended = world.find_round(waiting.id)
    assert ended.state == "promoted", ended.reason
    assert world.production.version == "v2"
    with world.database.read() as connection:
        assert num_open(connection) == 0
        assert len(slices.slice_samples(connection, f"round-{ended.id}")) == num_answered
    # What nobody was asked about any more is learnt when it is labelled.
    rest = [picture for sha256, picture in held_out.items() if sha256 not in {q.sha256 for q in asked}]
    for label, content in rest:
        world.add(label, content, source="users", is_trusted=False)
    with world.database.read() as connection:
        assert {kind.is_held_out for kind in count_new(connection)} == {False}


@pytest.mark.slow
@pytest.mark.usefixtures("held_out")
def test_a_candidate_that_answers_as_production_does_wins_nothing_and_nobody_is_asked(world: World) -> None:
    gentle = replace(world.settings.fine_tune, epochs=1, learning_rate=1e-9)
    ended = world.run(replace(world.settings, fine_tune=gentle))
    # On a hundred images it would be rejected: they differ on too few for anything to be worth a swap.
    assert ended.state == "inconclusive", ended.reason
    assert _check(ended, "new")["passed"] is None
    assert len(world.attempts(ended.id)) == 1
    with world.database.read() as connection:
        assert num_open(connection) == 0
    # The images have judged.
    assert world.run().state == "inconclusive"
