"""Tests of `perennial.heaps`."""

import ctypes
import subprocess
import sys

import pytest

from perennial.heaps import share_heaps

# Forty threads that hold memory at the same time, then the heaps as glibc tells of them.
_PROGRAM = """
import ctypes, sys, threading
from perennial.heaps import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
barrier = threading.Barrier(41)

def work():
    held = [ctypes.create_string_buffer(5000) for _ in range(100)]
    barrier.wait()
    barrier.wait()

threads = [threading.Thread(target=work) for _ in range(40)]
for thread in threads:
    thread.start()
barrier.wait()
ctypes.CDLL(None).malloc_stats()
barrier.wait()
"""


def _num_heaps(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="glibc only"
)
def test_threads_share_two_heaps() -> None:
    assert _num_heaps("shared") == 2
    assert _num_heaps("as it is") > 2


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    share_heaps()
