"""The tutorial's blocks, run in their order: it ends as it says."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'```(?P<language>\w+)(?: title="(?P<file>[\w.]+)")?\n(?P<text>.*?)\n```', re.DOTALL)
# A round gives way to all that the machine does beside it.
ROUND_SECONDS = 900.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_block_of_the_tutorial_does_what_it_says(
    fresh_server: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    server = fresh_server()
    printed: dict[str, list[str]] = defaultdict(list)
    output = ""
    for block in BLOCK.finditer((ROOT / "docs" / "tutorial.md").read_text()):
        text = block["text"].replace("http://127.0.0.1:3000", server.url)
        if block["file"]:
            (server.home.parent / block["file"]).write_text(text)
        elif text == "perennial up":
            server.start()
        elif block["language"] == "json":
            assert sorted(json.loads(output)) == sorted(json.loads(text))
        elif block["language"] == "sh":
            if text.startswith("perennial rounds"):
                claim = _has_ended if "show" in text else _has_begun
                wait_until(partial(claim, server), text, seconds=ROUND_SECONDS, log=server.log)
            output = _run(text, server)
            printed[" ".join(text.split()[:3])].append(output)
    assert "v1 is in production" in printed["perennial train digits"][0]
    assert "promoted" in printed["perennial rounds show"][0]
    assert "Production is v1;" in printed["perennial models rollback"][0]
    before, after = (line.split() for line in printed["python accuracy.py"])
    assert (before[-1], after[-1]) == ("v1", "v2")
    assert int(before[0]) < 100 < int(after[0])


def _has_begun(server: Any) -> bool:
    rounds = httpx.get(f"{server.url}/v1/rounds").json()["rounds"]
    return bool(rounds) and rounds[0]["state"] != "requested"


def _has_ended(server: Any) -> bool:
    """Whether the round is over, and every worker serves what it led to."""
    status = httpx.get(f"{server.url}/v1/status").json()
    served = {worker["version"] for worker in status["workers"]}
    return status["round"] is None and served == {status["production"]}


def _run(text: str, server: Any) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", text],
        capture_output=True,
        text=True,
        check=False,
        cwd=server.home.parent,
        env={**server.variables(), "PATH": programs, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout
