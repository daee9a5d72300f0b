"""Counts the cores that this process may use, by its affinity and its control groups.

A control group is what limits a container, a systemd unit or a batch job.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def num_cores(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> int:
    """Return the cores that this process may keep busy, one at least.

    Args:
        mount: Where the kernel shows the limits of control groups, of version 2 or 1.
        membership: Where it names the groups of this process.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(group) for group in own_groups("cpu", mount, membership))
    return max(1, math.floor(min([allowed, *(quota for quota in quotas if quota is not None)])))


def _quota(group: Path) -> float | None:
    """Return the quota of one group in cores; None if it has none."""
    try:
        if (group / "cpu.max").exists():
            limit, period = (group / "cpu.max").read_text().split()
        else:
            limit = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def own_groups(controller: str, mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> Iterator[Path]:
    """Yield the folders of this process's groups, the innermost first; each one's limit holds.

    In a container the kernel may name groups whose folders only its host sees: those are left out.

    Args:
        controller: What is limited: `cpu` or `memory`.
        mount: Where the kernel shows all groups, of version 2 or 1.
        membership: Where it names those of this process.
    """
    for line in _lines(membership):
        _, controllers, name = line.split(":", 2)
        if not controllers:
            top = mount / "unified" if (mount / "unified").is_dir() else mount
        elif controller in controllers.split(","):
            top = mount / controller
        else:
            continue
        path = PurePosixPath(name.lstrip("/"))
        for inner in (path, *path.parents):
            if ".." not in inner.parts and (top / inner).is_dir():
                yield top / inner


def _lines(membership: Path) -> list[str]:
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    # The top is looked at in any case.
    return [line for line in lines if line.count(":") >= 2] or ["0::/"]
