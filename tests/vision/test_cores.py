"""The number of cores that a process may use, whichever control groups limit it."""

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


@pytest.mark.parametrize("limited", ["", "system.slice", "system.slice/perennial.service"])
def test_the_quota_of_each_group_around_the_process_holds(limited: str, tmp_path: Path) -> None:
    # As `systemctl set-property perennial.service CPUQuota=100%` has it.
    (tmp_path / "system.slice" / "perennial.service").mkdir(parents=True)
    (tmp_path / limited / "cpu.max").write_text("100000 100000\n")
    membership = tmp_path / "cgroup"
    membership.write_text("0::/system.slice/perennial.service\n")
    assert num_cores(tmp_path, membership) == 1


def test_a_neighbours_quota_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "system.slice" / "other.service").mkdir(parents=True)
    (tmp_path / "system.slice" / "other.service" / "cpu.max").write_text("100000 100000\n")
    membership = tmp_path / "cgroup"
    membership.write_text("0::/system.slice/perennial.service\n")
    assert num_cores(tmp_path, membership) == AFFINITY


def test_a_batch_jobs_quota_of_the_older_kind_holds(tmp_path: Path) -> None:
    job = tmp_path / "cpu" / "slurm" / "job_7"
    job.mkdir(parents=True)
    (job / "cpu.cfs_quota_us").write_text("100000\n")
    (job / "cpu.cfs_period_us").write_text("100000\n")
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/elsewhere\n3:cpu,cpuacct:/slurm/job_7\n0::/../..\n")
    assert num_cores(tmp_path, membership) == 1
