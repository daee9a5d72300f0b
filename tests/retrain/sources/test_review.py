"""A round reviews its labels: whom it names, what it leaves out, and what it tells."""

from dataclasses import replace

import pytest

from retrain.errors import SampleDeletedError
from retrain.promotion import refuse_deleted
from retrain.sources.naming import SourceDoubt
from retrain.sources.sentences import round_sentence, sentence_of
from store.rounds.log import SOURCES_STEP, recorded_samples
from store.sources import quarantine
from tests.retrain.world import CLASSES, World, picture

_NEXT = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))


def _send(world: World, source: str, num: int, *, first: int, flips: bool = False) -> list[int]:
    """Send feedback on pictures by day, which the champion knows, for training only."""
    sent = []
    for number in range(first, first + num):
        label = CLASSES[number % len(CLASSES)]
        outcome = world.add(
            _NEXT[label] if flips else label,
            picture(label, 50_000 + number),
            source=source,
            is_trusted=False,
            split="train",
        )
        sent.append(outcome.sample_id)
    return sent


def _found(world: World, round_id: int) -> dict[str, dict[str, object]]:
    [step] = [step for step in world.steps(round_id) if step.step == SOURCES_STEP]
    return {each["source"]: each for each in step.detail["sources"]}


def test_a_source_that_flips_is_named_and_its_doubtful_labels_are_not_learnt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bad = _send(world, "mallory", 30, first=0, flips=True)
    good = _send(world, "ann", 60, first=100) + _send(world, "ben", 60, first=200)
    world.send(CLASSES, 40, source="night", is_trusted=False, split="train")
    brief = replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1, learning_rate=1e-6))
    ended = world.run(brief)
    found = _found(world, ended.id)
    assert [name for name, each in found.items() if each["is_named"]] == ["mallory"]
    with world.database.read() as connection:
        learnt = {
            sample_id for sample_id, role, _ in recorded_samples(connection, ended.id) if role == "train"
        }
    assert set(good) <= learnt
    assert len(learnt & set(bad)) < len(bad) / 2
    assert set(found["mallory"]["doubtful"]) <= set(bad) - learnt  # type: ignore[call-overload]  # of JSON
    [step] = [step for step in world.steps(ended.id) if step.step == SOURCES_STEP]
    assert step.detail["num_left_out"] == len(bad) - len(learnt & set(bad))
    assert "mallory" in step.detail["sentence"]
    assert step.detail["sentence"] in caplog.text


def test_a_round_of_one_source_reviews_nothing(world: World) -> None:
    _send(world, "ann", 30, first=0)
    brief = replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1, learning_rate=1e-6))
    ended = world.run(brief)
    assert [step for step in world.steps(ended.id) if step.step == SOURCES_STEP] == []


def test_a_round_learns_nothing_of_a_quarantined_source(world: World) -> None:
    bad, good = _send(world, "mallory", 30, first=0), _send(world, "ann", 30, first=100)
    world.database.write(lambda connection: quarantine(connection, "mallory", "flips", "eve"))
    brief = replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1, learning_rate=1e-6))
    ended = world.run(brief)
    with world.database.read() as connection:
        used = {sample_id for sample_id, _, _ in recorded_samples(connection, ended.id)}
    assert used.isdisjoint(bad)
    assert set(good) <= used


def test_a_round_that_learnt_a_source_quarantined_since_begins_anew(world: World) -> None:
    bad, good = _send(world, "mallory", 4, first=0), _send(world, "ann", 4, first=100)
    world.database.write(lambda connection: quarantine(connection, "mallory", "flips", "eve"))
    with world.database.read() as connection:
        refuse_deleted(connection, good, 1)
        with pytest.raises(SampleDeletedError, match="quarantined"):
            refuse_deleted(connection, [*bad, *good], 1)


def _doubt(**values: object) -> SourceDoubt:
    usual: dict[str, object] = {
        "source": "mallory", "num_labels": 100, "num_doubtful": 71, "num_compared": 100,
        "share_doubtful": 0.71, "share_of_others": 0.28, "p_value": 1e-9, "is_named": True,
    }  # fmt: skip
    return SourceDoubt(**{**usual, **values})  # type: ignore[arg-type]  # of mixed types


def test_sentences_say_why_a_source_is_named_or_not() -> None:
    assert sentence_of(_doubt()) == (
        "Named: 71 % of its labels are doubtful, and 28 % of others' of like images, more than chance "
        "explains (p<0.0001)."
    )
    assert sentence_of(_doubt(is_named=False, p_value=0.5)).startswith("Not named: 71 %")
    assert "it takes 20" in sentence_of(_doubt(is_named=False, num_compared=3))
    assert round_sentence([_doubt(is_named=False)], 0) == ""
    assert "The 64 doubtful ones were not learnt" in round_sentence([_doubt()], 64)
