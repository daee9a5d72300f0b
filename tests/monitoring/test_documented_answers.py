"""The examples of the API's reference have the keys that the API answers with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Connection

from monitoring import prediction_answers, summary
from monitoring.accuracy_history import accuracy_history
from monitoring.latency import predict_latency
from monitoring.similar_images import similar_images
from store.database.database import Database
from store.predictions.search import Wanted
from tests.monitoring.conftest import FIRST_PREDICTION

EXAMPLES = json.loads((Path(__file__).parents[2] / "docs" / "generator" / "answers.json").read_text())
ANSWERS: dict[str, Callable[[Connection], BaseModel]] = {
    "GET /v1/status": lambda connection: summary.status(connection, 500),
    "GET /v1/models": summary.models,
    "GET /v1/models/{version}": lambda connection: summary.model(connection, "v2"),
    "GET /v1/rounds": summary.rounds,
    "GET /v1/rounds/{round_id}": lambda connection: summary.round_detail(connection, 3),
    "GET /v1/drift": summary.drift,
    "GET /v1/forgetting": summary.forgetting,
    "GET /v1/accuracy": accuracy_history,
    "GET /v1/traffic": prediction_answers.traffic,
    "GET /v1/latency": lambda _: predict_latency([]),
    "GET /v1/predictions": lambda connection: prediction_answers.predictions(connection, Wanted()),
    "GET /v1/predictions/{prediction_id}": lambda connection: prediction_answers.prediction(
        connection, FIRST_PREDICTION
    ),
    "GET /v1/predictions/{prediction_id}/similar": lambda connection: similar_images(
        connection, FIRST_PREDICTION
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_has_the_keys_of_the_answer(filled: Database, name: str) -> None:
    with filled.read() as connection:
        answer = ANSWERS[name](connection).model_dump(mode="json")
    assert _keys(EXAMPLES[name]) == _keys(answer)


def _keys(answer: dict[str, Any]) -> dict[str, Any]:
    """The keys of an answer, with those of the first member of each list of objects."""
    return {
        name: sorted(value[0]) if isinstance(value, list) and value and isinstance(value[0], dict) else None
        for name, value in answer.items()
    }
