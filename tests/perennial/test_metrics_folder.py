"""Each server's metrics meet in a folder of their own."""

import os
from pathlib import Path

from perennial.metrics_folder import VARIABLE, make_folder, use_folder


def test_a_server_empties_its_own_folder_and_removes_those_of_the_dead(tmp_path: Path) -> None:
    folders = tmp_path / "metrics"
    for name in (str(os.getpid()), str(os.getppid()), "4194304999", "stray"):
        (folders / name).mkdir(parents=True)
        (folders / name / "counter.db").touch()
    make_folder(tmp_path)
    assert {folder.name for folder in folders.iterdir()} == {str(os.getpid()), str(os.getppid())}
    assert list((folders / str(os.getpid())).iterdir()) == []
    assert list((folders / str(os.getppid())).iterdir()) != []


def test_a_worker_uses_the_folder_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "metrics" / str(os.getppid())).mkdir(parents=True)
    before = os.environ.get(VARIABLE)
    try:
        assert use_folder(tmp_path) == os.environ[VARIABLE] == str(tmp_path / "metrics" / str(os.getppid()))
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before
