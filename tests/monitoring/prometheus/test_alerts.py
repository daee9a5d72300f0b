"""Each alert fires when it should, is silent when it should be, and says what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.dashboard.menu import is_page
from tests.monitoring.prometheus.promtool import ROOT, RULES, needs_prometheus, promtool, rules

CASES = sorted(Path(__file__).parent.glob("*.test.yml"))
ALERTS = rules("alerts.yml")


def _tests(alert: str) -> list[dict[str, Any]]:
    """Return promtool's tests of an alert."""
    tests = [test for file in CASES for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]]
    return [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert]


@needs_prometheus
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.name.removesuffix(".test.yml"))
def test_alerts_fire_when_they_should_and_only_then(file: Path) -> None:
    promtool("test", "rules", str(file))


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_rules_and_with_the_configuration() -> None:
    promtool("check", "rules", *(str(RULES / name) for name in ("recording.yml", "alerts.yml")))
    promtool("check", "config", "--syntax-only", str(RULES / "prometheus.yml"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_shown_to_fire_and_to_be_silent(alert: dict[str, Any]) -> None:
    assert {bool(case["exp_alerts"]) for case in _tests(alert["alert"])} == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_leads_to_what_to_do(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]
    assert set(annotations) == {"summary", "page", "runbook"}
    assert is_page(annotations["page"].removeprefix("http://{{ $labels.instance }}"))
    assert alert["labels"]["severity"] in {"page", "ticket", "info"}
    file, _, anchor = annotations["runbook"].partition("#")
    headings = re.findall(r"^### (\w+)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]


def test_rules_read_metrics_that_exist() -> None:
    reference = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`(perennial_\w+)`", reference))
    for rule in (*rules("recording.yml"), *ALERTS):
        # A name with a colon is that of a recorded ratio.
        for name in re.findall(r"(?<![:\w])perennial_\w+(?!:)\b", rule["expr"]):
            assert re.sub(r"_(bucket|sum|count)$", "", name) in known, name


def test_alerts_read_ratios_that_are_recorded() -> None:
    recorded = {rule["record"] for rule in rules("recording.yml")}
    read = {name for rule in ALERTS for name in re.findall(r"\b\w+:\w+:\w+", rule["expr"])}
    assert read
    assert read <= recorded
