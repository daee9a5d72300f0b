import ctypes
import os
import sys

import psutil
import pytest

from service.heap import return_freed

MIB = 2**20


def _resident() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc only"
)
def test_freed_memory_goes_back_to_the_system() -> None:
    # Too small to be mapped each by itself, and the last one keeps the heap from shrinking.
    blocks = [bytearray(b"x") * 65_536 for _ in range(3200)]
    kept = blocks.pop()
    blocks.clear()
    before = _resident()
    return_freed()
    assert before - _resident() > 100 * MIB
    assert len(kept) == 65_536


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    return_freed()
