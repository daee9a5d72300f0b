from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Connection

from retrain.gate.settings import GateSettings
from retrain.trial import follow_trial
from store import leases, registry, slices
from store.errors import FencedError
from store.evidence.held_out import held_out_since
from store.evidence.questions import answer_with_none, num_open, open_questions
from store.evidence.trials import current_trial, last_trials
from store.predictions.predictions import delete_prediction, newest_prediction
from store.rounds import rounds
from store.samples.pending import pending_samples
from store.versions import NewVersion, add_version
from tests.retrain.trial_work import NUM_DIFFERING, WaitingRound
from tests.retrain.world import CLASSES, World


@pytest.fixture
def waiting(small_world: World) -> WaitingRound:
    return WaitingRound(small_world)


def labels_needed(waiting: WaitingRound) -> dict[str, int]:
    verdict = waiting.round.verdict
    assert verdict is not None
    needed: dict[str, int] = verdict["labels_needed"]
    return needed


def splits(world: World) -> set[str]:
    with world.database.read() as connection:
        return {sample.split for sample in pending_samples(connection)}


def num_that_may_judge(world: World) -> int:
    with world.database.read() as connection:
        return len(held_out_since(connection, datetime(2026, 1, 1, tzinfo=UTC), None, 100))


def test_a_round_that_waits_says_how_many_answers_would_decide_and_asks_for_them(
    waiting: WaitingRound,
) -> None:
    assert waiting.follow().state == "awaiting_labels"
    assert labels_needed(waiting) == {"wins": 10, "open": NUM_DIFFERING}
    with waiting.world.database.read() as connection:
        assert num_open(connection) == NUM_DIFFERING
        trial = current_trial(connection)
    assert trial is not None
    assert (trial.round_id, trial.num_asked, trial.num_answered) == (waiting.round_id, NUM_DIFFERING, 0)
    assert waiting.world.production.version == "v1"


def test_each_answer_is_counted_and_the_one_that_proves_it_promotes(waiting: WaitingRound) -> None:
    waiting.answer("red", *range(9))
    assert waiting.follow().state == "awaiting_labels"
    assert labels_needed(waiting) == {"wins": 1, "open": 3}
    waiting.answer("red", 9)
    ended = waiting.follow()
    assert (ended.state, ended.candidate) == ("promoted", waiting.world.production.version)
    assert ended.verdict is not None
    assert (ended.verdict["decision"], ended.reason) == ("passed", ended.verdict["sentence"])


def test_labelled_images_of_a_promoted_rounds_pool_become_its_slice_and_the_rest_may_be_learnt(
    waiting: WaitingRound,
) -> None:
    world = waiting.world
    waiting.answer("red", *range(10))
    # Where both agree a label decides nothing, but it belongs to the slice all the same.
    waiting.answer("blue", NUM_DIFFERING)
    waiting.follow()
    with world.database.read() as connection:
        kept = {sample.sha256 for sample in slices.slice_samples(connection, f"round-{waiting.round_id}")}
        assert num_open(connection) == 0
        (trial,) = last_trials(connection, 1)
    assert kept == set(waiting.sha256s[:10]) | {waiting.sha256s[NUM_DIFFERING]}
    assert (trial.num_answered, num_that_may_judge(world)) == (10, 0)
    waiting.answer("red", 10, 11)
    assert splits(world) <= {"train", "validation"}


def test_where_too_many_answers_are_for_production_the_round_ends_and_its_labels_are_learnt(
    waiting: WaitingRound,
) -> None:
    waiting.answer("blue", 0, 1)
    assert waiting.follow().state == "awaiting_labels"
    waiting.answer("blue", 2)
    ended = waiting.follow()
    assert ended.state == "inconclusive", ended.reason
    assert waiting.world.production.version == "v1"
    assert splits(waiting.world) == {"train"}
    assert num_that_may_judge(waiting.world) == 0


def test_where_neither_is_right_an_image_decides_nothing(waiting: WaitingRound) -> None:
    database = waiting.world.database
    with database.read() as connection:
        asked = open_questions(connection, "ann", NUM_DIFFERING)
    none, right = asked[:3], {question.sha256 for question in asked[3:]}
    for question in none:
        database.write(partial(answer_with_none, question_id=question.id, source="ann"))
    waiting.follow()
    # Eight of nine, not ten of twelve.
    assert labels_needed(waiting) == {"wins": 8, "open": 9}
    waiting.answer("red", *(waiting.sha256s.index(sha256) for sha256 in sorted(right)[:8]))
    assert waiting.follow().state == "promoted"


def test_a_round_that_got_too_few_answers_ends_at_its_time(waiting: WaitingRound) -> None:
    waiting.answer("red", *range(9))
    waiting.let_pass(13.9)
    assert waiting.follow().state == "awaiting_labels"
    waiting.let_pass(0.2)
    ended = waiting.follow()
    assert ended.state == "inconclusive"
    assert str(ended.reason).startswith("9 of 12 questions were answered in time.")
    with waiting.world.database.read() as connection:
        assert current_trial(connection) is None
    assert splits(waiting.world) == {"train"}


def test_another_promotion_cancels_a_round_that_waits(waiting: WaitingRound) -> None:
    def promote_by_hand(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files={"weights": "e" * 64}, parent="v1")
        version = add_version(connection, new, []).version
        registry.promote(connection, version, reason="mine", actor="a person")

    waiting.world.database.write(promote_by_hand)
    waiting.answer("red", *range(12))
    ended = waiting.follow()
    assert (ended.state, waiting.world.production.version) == ("cancelled", "v3")
    assert "Production moved while the round waited" in str(ended.reason)
    with waiting.world.database.read() as connection:
        assert num_open(connection) == 0


def test_a_person_may_approve_what_waits_for_labels(waiting: WaitingRound) -> None:
    waiting.answer("red", 0)
    waiting.world.database.write(lambda c: rounds.approve(c, waiting.round_id, "a person"))
    ended = waiting.follow()
    assert (ended.state, ended.candidate) == ("promoted", waiting.world.production.version)
    with waiting.world.database.read() as connection:
        (kept,) = slices.slice_samples(connection, f"round-{waiting.round_id}")
        assert (num_open(connection), current_trial(connection)) == (0, None)
    assert kept.sha256 == waiting.sha256s[0]


def test_a_person_may_cancel_what_waits_for_labels(waiting: WaitingRound) -> None:
    waiting.answer("red", 0)
    waiting.world.database.write(lambda c: rounds.cancel(c, waiting.round_id, "a person"))
    ended = waiting.follow()
    assert (ended.state, waiting.world.production.version) == ("cancelled", "v1")
    assert splits(waiting.world) == {"train"}
    assert num_that_may_judge(waiting.world) == 0


def test_where_a_person_is_to_approve_the_proof_ends_the_questions_and_the_round_waits(
    waiting: WaitingRound,
) -> None:
    waiting.answer("red", *range(10))
    assert waiting.follow("ask").state == "awaiting_approval"
    with waiting.world.database.read() as connection:
        assert (num_open(connection), current_trial(connection)) == (0, None)
    # Its images judge it still, so nothing is learnt from them yet.
    assert splits(waiting.world) == {"holdout"}
    waiting.world.database.write(lambda c: rounds.approve(c, waiting.round_id, "a person"))
    assert waiting.world.production.version == waiting.round.candidate
    with waiting.world.database.read() as connection:
        assert len(slices.slice_samples(connection, f"round-{waiting.round_id}")) == 10


def test_an_image_that_is_deleted_leaves_the_pool(waiting: WaitingRound) -> None:
    database = waiting.world.database
    waiting.answer("red", *range(9))
    # Nine of twelve are not enough, nine of ten are.
    for sha256 in waiting.sha256s[10:12]:
        with database.read() as connection:
            prediction = newest_prediction(connection, sha256)
        assert prediction is not None
        database.write(partial(delete_prediction, prediction_id=prediction.id))
    assert waiting.follow().state == "promoted"


def test_a_learner_that_lost_its_lease_decides_nothing(waiting: WaitingRound) -> None:
    waiting.answer("red", *range(10))
    waiting.world.database.write(lambda c: leases.release(c, "learner"))
    waiting.world.database.write(lambda c: leases.acquire(c, "another", 600))
    with pytest.raises(FencedError):
        waiting.follow()
    assert waiting.round.state == "awaiting_labels"
    assert waiting.world.production.version == "v1"


def test_without_a_round_that_waits_nothing_happens(small_world: World) -> None:
    follow_trial(small_world.database, small_world.acquire_lease(), GateSettings(), "auto")
    assert small_world.production.version == "v1"
