"""How much memory a round could take without anything else having to give way."""

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def free_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Return bytes that are free on this machine and within this container; None where nobody tells.

    What the kernel keeps of files counts as free: it is given up when it is needed.

    Args:
        meminfo: Where Linux tells of the machine's memory.
        cgroup: Where it tells of the container's, in version 2.
    """
    found = [
        bytes_free for bytes_free in (_of_machine(meminfo), _of_container(cgroup)) if bytes_free is not None
    ]
    return min(found, default=None)


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _of_container(cgroup: Path) -> int | None:
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        kept = dict(line.split(" ", 1) for line in (cgroup / "memory.stat").read_text().splitlines())
        return None if limit == "max" else max(0, int(limit) - used + int(kept["inactive_file"]))
    except (OSError, ValueError, KeyError):
        return None
