from pathlib import Path

import pytest

from retrain.memory import free_memory

MEMINFO = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:   3000000 kB\n"


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text(MEMINFO)
    return file


def container(folder: Path, limit: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("700\n")
    (folder / "memory.stat").write_text("anon 500\ninactive_file 150\nactive_file 50\n")
    return folder


def test_without_a_container_the_machine_counts(meminfo: Path, tmp_path: Path) -> None:
    assert free_memory(meminfo, tmp_path / "none") == 3_000_000 * 1024
    assert free_memory(meminfo, container(tmp_path / "unlimited", "max")) == 3_000_000 * 1024


def test_a_container_has_its_limit_less_what_it_can_not_give_up(meminfo: Path, tmp_path: Path) -> None:
    assert free_memory(meminfo, container(tmp_path / "limited", "1000")) == 450
    assert free_memory(meminfo, container(tmp_path / "full", "500")) == 0


def test_where_nobody_tells_nothing_is_known(tmp_path: Path) -> None:
    assert free_memory(tmp_path / "none", tmp_path / "none") is None


def test_this_machine_tells_a_sensible_amount() -> None:
    found = free_memory()
    assert found is None or 2**20 < found < 2**50
