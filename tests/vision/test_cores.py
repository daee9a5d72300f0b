"""The number of cores that a process may use."""

import os
from pathlib import Path

import pytest

from vision.cores import num_cores

AFFINITY = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_without_a_quota_it_is_the_affinity(tmp_path: Path) -> None:
    assert num_cores(tmp_path) == AFFINITY
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert num_cores(tmp_path) == AFFINITY


@pytest.mark.parametrize("content", ["50000 100000", "150000 100000"])
def test_a_quota_is_rounded_down_to_full_cores_but_one(content: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(f"{content}\n")
    assert num_cores(tmp_path) == 1


def test_a_quota_of_the_older_kind_counts_too(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert num_cores(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert num_cores(tmp_path) == AFFINITY


def test_a_quota_over_the_affinity_gives_no_more_cores(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("99000000 100000\n")
    assert num_cores(tmp_path) == AFFINITY


def test_what_cant_be_read_is_no_quota(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("nonsense\n")
    assert num_cores(tmp_path) == AFFINITY
