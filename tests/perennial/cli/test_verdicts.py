import io
from typing import Any

from rich.console import Console

from monitoring.answers.rounds import Verdict
from perennial.cli.verdicts import print_verdict


def check(name: str, passed: bool | None, figure: str = "", note: str = "") -> dict[str, Any]:
    texts = {"rule": f"rule of {name}", "figure": figure, "bound": "−2.0 points", "note": note}
    return {"name": name, "passed": passed, "numbers": {}} | texts


def printed(verdict: Verdict) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    print_verdict(console, verdict)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]  # of a StringIO


def test_a_verdict_is_a_sentence_a_table_of_rules_and_what_would_settle_it() -> None:
    checks = [
        check("golden", True, "−0.4 points"),
        check("classes", False, "wasps: 9 of 14 lost"),
        check("anchor", None, "–", "not asked, because v1 is production itself"),
        check("new", None, "12 won, 3 lost", "open, because 9 more answers are needed"),
    ]
    labels = {"wins": 9, "open": 19}
    verdict: Any = {"sentence": "Waits for labels.", "checks": checks, "labels_needed": labels}
    assert printed(verdict) == [
        "Waits for labels.",
        "rule figure bound",
        "✓ rule of golden −0.4 points −2.0 points",
        "✗ rule of classes wasps: 9 of 14 lost −2.0 points",
        "– rule of anchor not asked, because v1 is production itself −2.0 points",
        "– rule of new 12 won, 3 lost; open, because 9 more answers are needed −2.0 points",
        "What would settle it: 9 more answers for the candidate, of 19 open questions.",
    ]


def test_a_verdict_of_an_earlier_release_shows_its_numbers() -> None:
    checks = [
        {"name": "flips", "passed": True, "numbers": {"negative_flips": 0.03125, "limit": 0.05}},
        {"name": "new", "passed": None, "numbers": {"num_samples": 140}},
    ]
    verdict: Any = {"sentence": "Inconclusive.", "checks": checks, "labels_needed": {"direct": 70}}
    assert printed(verdict) == [
        "Inconclusive.",
        "check numbers",
        "flips passed negative flips 0.0312, limit 0.05",
        "new not decided num samples 140",
        "What would settle it: 70 more direct.",
    ]
