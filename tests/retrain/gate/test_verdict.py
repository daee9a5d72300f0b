"""Verdicts as JSON."""

import json

import pytest

from retrain.gate.errors import VerdictError
from retrain.gate.verdict import Check, Verdict

VERDICT = Verdict(
    decision="rejected",
    sentence="Rejected: class bee (80.0 → 50.0 %) lost; …",
    checks=(
        Check("old", False, "Old kept", "−3.1", "−2", numbers={"num_samples": 2000, "lower_bound": -0.031}),
        Check("new", None, note="open, because …", is_open=True),
    ),
    alpha=0.04,
    lost_classes=("bee",),
    lost_slices=("round-3",),
    labels_needed={"golden": 70},
)


def test_a_verdict_comes_back_from_json_as_it_was() -> None:
    assert Verdict.from_json(json.loads(json.dumps(VERDICT.to_json(), allow_nan=False))) == VERDICT


def test_a_check_is_looked_up_by_its_name() -> None:
    check = VERDICT.check("old")
    assert check is not None
    assert check.numbers["num_samples"] == 2000
    assert VERDICT.check("flips") is None


@pytest.mark.parametrize(
    "change", [{"decision": "maybe"}, {"unknown": 1}, {"checks": [{"name": "old", "colour": "red"}]}]
)
def test_what_is_no_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(VerdictError, match=r"verdict"):
        Verdict.from_json(VERDICT.to_json() | change)


def test_a_verdict_without_its_checks_is_refused() -> None:
    stored = VERDICT.to_json()
    del stored["checks"]
    with pytest.raises(VerdictError):
        Verdict.from_json(stored)
