"""Breaks a server under load in one way after the other; what was acknowledged must be there after each."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psutil

from benchmarks.faults import floods, kills, stores
from benchmarks.faults.campaign import Campaign, home_of, summary
from benchmarks.faults.load import write_folder
from benchmarks.record import record
from benchmarks.serving.filling import state_of
from benchmarks.serving.servers import clean_environment, ours, run_perennial

_DISK_MIB = 700
_FLOODS = {
    f"{floods.NUM_HALF_SENT} half-sent heads": floods.half_sent_heads,
    "heads of 100 MB": floods.large_head,
    "JSON of 20 MB": floods.large_json,
}
_STORES: dict[str, Callable[[Path], AbstractContextManager[None]]] = {
    "database locked": stores.locked_database,
    "database away": stores.moved_database,
    "images away": stores.moved_images,
}


def main() -> None:
    """Run all cases; the last line printed is one JSON object."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="perennial-faults-") as temporary:
        folder = Path(temporary)
        with _small_disk(folder / "disk") as is_small:
            environment = clean_environment() | {
                "PERENNIAL_HOME": str(folder / "disk" / "home"),
                # A round of the load's labels would be among what the server holds.
                "PERENNIAL_THRESHOLD_SAMPLES": str(10**9),
            }
            images = str(write_folder(folder / "images"))
            run_perennial(
                environment, "train", images, "--weights", "none", "--image-size", "32", "--epochs", "1"
            )
            log = folder / "log"
            with ours(environment, arguments.workers, log) as server, state_of(environment) as state:
                campaign = Campaign(server, state)
                _run(campaign, environment, server.pid, server.url, arguments, has_small_disk=is_small)
    figures = {
        **summary(campaign.outcomes),
        "kills": arguments.kills,
        "outcomes": [asdict(outcome) for outcome in campaign.outcomes],
    }
    record("faults", figures, f"make bench-faults KILLS={arguments.kills}")
    print(json.dumps(summary(campaign.outcomes)))


def _run(
    campaign: Campaign,
    environment: dict[str, str],
    pid: int,
    url: str,
    arguments: argparse.Namespace,
    *,
    has_small_disk: bool,
) -> None:
    home = home_of(environment)

    def is_wanted(name: str) -> bool:
        return arguments.only is None or arguments.only in name

    if has_small_disk and is_wanted("disk full"):
        campaign.run("disk full", partial(_during, stores.full_disk, home))
    for name, broken in filter(lambda each: is_wanted(each[0]), _STORES.items()):
        campaign.run(name, partial(_during, broken, home))
    for name, flood in filter(lambda each: is_wanted(each[0]), _FLOODS.items()):
        campaign.run(name, partial(flood, url), predictions_go_on=False)
    for kind in filter(is_wanted, kills.KINDS):
        for number in range(arguments.kills):
            name = f"{kind} killed, {number + 1} of {arguments.kills}"
            campaign.run(name, partial(_kill, pid, kind), predictions_go_on="worker" not in kind)


def _during(broken: Callable[[Path], AbstractContextManager[None]], home: Path) -> None:
    with broken(home):
        stores.stay()


def _kill(pid: int, kind: str) -> str | None:
    server, until = psutil.Process(pid), time.monotonic() + 60
    # One that has only just been started is no such process yet.
    while not (found := kills.KINDS[kind](server)):
        if time.monotonic() > until:
            return f"there was no {kind} to kill"
        time.sleep(0.1)
    kills.kill(found)
    return None


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk in memory on a folder; yield False where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        print(f"left out: disk full ({mounted.stderr.strip()})", file=sys.stderr, flush=True)
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each kind of process")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="only the cases whose name holds this")
    return parser.parse_args()


if __name__ == "__main__":
    main()
