from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from retrain.dataset import Item
from retrain.evaluation import DIRECT, VOLUNTEERED, LiveAccuracy, Logits, PairedEvaluation, Part
from retrain.gate.outcomes import AGREEMENT
from vision.artifact import Artifact
from vision.engines.served_model import ServedModel
from vision.engines.torch_engine import TorchEngine


def _part(name: str, labels: Sequence[int]) -> Part:
    return Part(name, tuple(Item(f"{name}-{index}", label) for index, label in enumerate(labels)))


class Oracle:
    """Answers all items rightly but those that are set as wrong, and counts the answers of each model."""

    def __init__(self, wrong: dict[int, set[str]]) -> None:
        self._wrong = wrong
        self.num_answers: dict[int, int] = {}

    def __call__(self, model: ServedModel, items: Sequence[Item]) -> Logits:
        self.num_answers[id(model)] = self.num_answers.get(id(model), 0) + len(items)
        wrong = self._wrong[id(model)]
        answers = [(i.label + (i.sha256 in wrong)) % 2 for i in items]
        return np.eye(2, dtype=np.float32)[answers] if answers else np.zeros((0, 2), dtype=np.float32)


@pytest.fixture
def pair(day_artifact: Artifact) -> tuple[ServedModel, ServedModel]:
    champion = ServedModel(day_artifact, TorchEngine(day_artifact.build()))
    return champion, replace(champion)


def test_both_answer_the_same_samples_and_the_champion_only_once(
    pair: tuple[ServedModel, ServedModel],
) -> None:
    champion, candidate = pair
    oracle = Oracle({id(champion): {"direct-0"}, id(candidate): {"golden-1-1"}})
    old, new = [_part("golden-1", [0, 1, 1])], (_part(DIRECT, [0, 1]), _part(VOLUNTEERED, []))
    evaluation = PairedEvaluation(old, new, champion, LiveAccuracy(0.9), oracle)
    comparison = [evaluation.compare(candidate) for _ in range(2)][-1]
    [golden] = comparison.old
    assert (golden.num_lost, golden.num_won) == (1, 0)
    assert (comparison.new.direct.num_lost, comparison.new.direct.num_won) == (0, 1)
    assert comparison.accuracy == {"golden-1": (1.0, pytest.approx(2 / 3), 3), "new": (0.5, 1.0, 2)}
    assert oracle.num_answers == {id(champion): 5, id(candidate): 10}


def test_top_5_accuracy_is_of_the_golden_and_of_the_new_samples_where_there_are_six_classes(
    pair: tuple[ServedModel, ServedModel],
) -> None:
    champion, candidate = pair

    def answer(model: ServedModel, items: Sequence[Item]) -> Logits:
        # The champion finds the first class the unlikeliest, the candidate the last.
        order = np.arange(6) if model is champion else np.arange(6)[::-1]
        return np.tile(order, (len(items), 1)).astype(np.float32)

    old, new = (
        [_part("golden-1", [0, 5]), _part(AGREEMENT, [1])],
        (_part(DIRECT, [0]), _part(VOLUNTEERED, [])),
    )
    comparison = PairedEvaluation(old, new, champion, LiveAccuracy(), answer).compare(candidate)
    assert comparison.top5 == {"golden": (0.5, 0.5), "new": (0.0, 1.0)}


def test_agreement_is_no_accuracy_and_has_no_calibration(pair: tuple[ServedModel, ServedModel]) -> None:
    champion, candidate = pair
    oracle = Oracle({id(champion): set(), id(candidate): {"agreement-0"}})
    new = (_part(DIRECT, [0]), _part(VOLUNTEERED, []))
    comparison = PairedEvaluation([_part(AGREEMENT, [0, 1])], new, champion, LiveAccuracy(), oracle).compare(
        candidate
    )
    assert comparison.calibration is None
    assert "agreement" not in comparison.accuracy
    assert comparison.old[0].num_lost == 1
