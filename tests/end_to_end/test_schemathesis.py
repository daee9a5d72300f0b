"""No request is answered with a 5xx, whether it follows the OpenAPI document or not."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_generated_request_gives_a_server_error(make_server: Any, tmp_path: Path) -> None:
    server = make_server(command="serve").start()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{server.url}/openapi.json"),
            *("--checks", "not_a_server_error", "--max-examples", "25", "--workers", "1"),
            *("--request-timeout", "30", "--seed", "1", "--no-color"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.is_ready()
