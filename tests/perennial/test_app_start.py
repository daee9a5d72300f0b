"""What happens before a server of BentoML has its first process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_front_door_needs_no_torch_and_asks_for_a_gpu_where_the_setting_demands_one() -> None:
    code = (
        "import sys; from perennial.app import Perennial, Learner\n"
        "print('torch' in sys.modules, Perennial.config['resources'], 'resources' in Learner.config)"
    )
    environment = {**os.environ, "PERENNIAL_DEVICE": "cuda"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False {'gpu': 1} False"


def test_a_damaged_database_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "perennial.db").write_bytes(b"no database" * 1000)
    code = "from perennial.app import Perennial; Perennial.inner.prepare()"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=variables | {"PERENNIAL_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: Expected to use the database, found a file that")
