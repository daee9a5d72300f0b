import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service.errors import BusyError
from service.intake import TakenIn, take_in
from service.intake_pool import IntakePool
from service.thread_weight import INTAKE_STEPS, LANE_STEPS
from store.blobs import BlobStore
from store.errors import BlobsUnavailableError
from vision.decoding import ImageLimits
from vision.errors import ImageError, UndecodableImageError

Picture = Callable[..., bytes]
LIMITS = ImageLimits(max_pixels=10_000)

# The real child, but that what begins as a GIF does ends it.
_MORTAL_CHILD = """
import os, sys
from service import intake_child

take_in = intake_child.take_in

def mortal(content, *arguments):
    if content.startswith(b"GIF"):
        os._exit(9)
    return take_in(content, *arguments)

intake_child.take_in = mortal
intake_child.main(sys.argv[1:])
"""
MORTAL = (sys.executable, "-c", _MORTAL_CHILD)
POISON = b"GIF that ends a process"

pytestmark = pytest.mark.anyio


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[BlobStore]:
    store = BlobStore(str(tmp_path / "blobs"))
    yield store
    store.close()


@asynccontextmanager
async def opened(blobs: BlobStore, num_processes: int, **options: Any) -> AsyncIterator[IntakePool]:
    pool = IntakePool(blobs, LIMITS, num_processes, **options)
    try:
        yield pool
    finally:
        await pool.stop()


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not claim():
            await asyncio.sleep(0.02)


async def begin(pool: IntakePool, picture: Picture, num_processes: int) -> None:
    """Send so many images at once that processes start, and wait for all of these."""
    await asyncio.gather(*(pool.take(picture(1000 + number)) for number in range(num_processes + 1)))
    await until(lambda: len(pool.pids) == num_processes)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not any(map(is_alive, pids)))


async def test_images_one_after_the_other_need_no_process(blobs: BlobStore, picture: Picture) -> None:
    async with opened(blobs, 2) as pool:
        for number in range(5):
            await pool.take(picture(number))
        assert pool.pids == []


async def test_processes_take_in_as_threads_do(blobs: BlobStore, picture: Picture, tmp_path: Path) -> None:
    contents = [picture(number, kind) for number, kind in enumerate(("JPEG", "PNG", "WEBP") * 4)]
    other = BlobStore(str(tmp_path / "other"))
    expected = [take_in(content, LIMITS, other) for content in contents]
    other.close()
    async with opened(blobs, 2) as pool:
        await begin(pool, picture, 2)
        # Threads are out of it from here on.
        pool.threads = None  # type: ignore[assignment]
        assert await asyncio.gather(*map(pool.take, contents)) == expected
    assert [blobs.get(taken.sha256) for taken in expected] == contents


@pytest.mark.parametrize("num_processes", [0, 2])
async def test_bad_images_are_refused_alike_and_nothing_is_stored(
    num_processes: int, blobs: BlobStore, picture: Picture
) -> None:
    wide = io.BytesIO()
    Image.new("RGB", (200, 100)).save(wide, "PNG")
    async with opened(blobs, num_processes) as pool:
        await begin(pool, picture, num_processes)
        names = set(blobs.names())
        for content in (b"", b"GIF89a", picture(0)[:-200], wide.getvalue()):
            with pytest.raises(ImageError) as there:
                await pool.take(content)
            with pytest.raises(ImageError) as here:
                take_in(content, LIMITS, blobs)
            assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
        assert set(blobs.names()) == names
        assert await pool.take(picture(1))


async def test_a_store_that_can_t_be_written_is_told(tmp_path: Path, picture: Picture) -> None:
    blobs = BlobStore(str(tmp_path / "blobs"))
    async with opened(blobs, 1) as pool:
        await begin(pool, picture, 1)
        for folder in (tmp_path / "blobs").iterdir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
            folder.touch()
        with pytest.raises(BlobsUnavailableError, match="Expected to store bytes"):
            await pool.take(picture(5))
    blobs.close()


async def test_images_go_on_after_a_process_was_killed_and_it_is_replaced(
    blobs: BlobStore, picture: Picture
) -> None:
    async with opened(blobs, 2) as pool:
        await begin(pool, picture, 2)
        killed = pool.pids[-1]
        await kill(killed)
        assert blobs.get((await pool.take(picture(1))).sha256) == picture(1)
        await begin(pool, picture, 2)
        assert killed not in pool.pids


async def test_a_good_image_is_not_refused_for_processes_that_were_gone_before_it(
    blobs: BlobStore, picture: Picture
) -> None:
    async with opened(blobs, 3) as pool:
        await begin(pool, picture, 3)
        await kill(*pool.pids)
        assert blobs.get((await pool.take(picture(1))).sha256) == picture(1)
        assert pool.pids == []


async def test_all_are_taken_in_though_every_process_is_killed_under_them(
    blobs: BlobStore, picture: Picture
) -> None:
    async with opened(blobs, 2) as pool:
        await begin(pool, picture, 2)
        pids = pool.pids
        asked = [asyncio.create_task(pool.take(picture(number))) for number in range(30)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        await kill(*pids)
        ended = await asyncio.gather(*asked, return_exceptions=True)
        # Whose process was killed, and who found no other, is told to come again.
        again = [number for number, taken in enumerate(ended) if not isinstance(taken, TakenIn)]
        assert all(isinstance(ended[number], BusyError) for number in again)
        assert len(again) <= 2
        for number in again:
            await pool.take(picture(number))
    assert {blobs.get(sha256) for sha256, _ in blobs.names()} >= {picture(number) for number in range(30)}


async def test_what_ends_two_processes_is_refused_and_ends_nothing_else(
    blobs: BlobStore, picture: Picture
) -> None:
    async with opened(blobs, 3, command=MORTAL) as pool:
        await begin(pool, picture, 3)
        with pytest.raises(UndecodableImageError, match="two processes that tried ended"):
            await pool.take(POISON)
        with pytest.raises(BusyError):
            await pool.take(POISON)
        assert pool.pids == []
        assert await pool.take(picture(1))


async def test_a_cancelled_request_s_answer_is_nobody_else_s(blobs: BlobStore, picture: Picture) -> None:
    async with opened(blobs, 1) as pool:
        await begin(pool, picture, 1)
        asked = asyncio.create_task(pool.take(picture(1)))
        waits = asyncio.create_task(pool.take(picture(2)))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        taken = await waits
        assert blobs.get(taken.sha256) == picture(2)


async def test_without_images_the_processes_end_and_come_again(blobs: BlobStore, picture: Picture) -> None:
    async with opened(blobs, 1, idle_seconds=0.2) as pool:
        await asyncio.gather(*(pool.take(picture(number)) for number in range(2)))
        await until(lambda: bool(pool.pids))
        [pid] = pool.pids
        await until(lambda: not is_alive(pid))
        assert pool.pids == []
        assert await pool.take(picture(1))
        await asyncio.gather(*(pool.take(picture(number)) for number in range(2)))
        await until(lambda: bool(pool.pids))


async def test_threads_do_it_where_no_process_starts(
    blobs: BlobStore, picture: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    for command in (("there is no such command",), (sys.executable, "-c", "exit(1)")):
        async with opened(blobs, 1, command=command) as pool:
            taken: list[Awaitable[TakenIn]] = [pool.take(picture(number)) for number in range(3)]
            assert len(await asyncio.gather(*taken)) == 3
            await until(lambda: "Threads take images in meanwhile" in caplog.text)
            assert await pool.take(picture(4))
        caplog.clear()


@pytest.mark.skipif(sys.platform != "linux", reason="a thread's own weight is Linux's")
async def test_processes_give_way_to_who_predicts(blobs: BlobStore, picture: Picture) -> None:
    async with opened(blobs, 1) as pool:
        await begin(pool, picture, 1)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, pool.pids[0]) == min(19, own + INTAKE_STEPS) > own + LANE_STEPS


async def test_bytes_in_memory_are_left_to_threads(picture: Picture) -> None:
    blobs = BlobStore("memory://")
    async with opened(blobs, 1) as pool:
        taken = await asyncio.gather(*(pool.take(picture(number)) for number in range(4)))
        assert [blobs.get(each.sha256) for each in taken] == [picture(number) for number in range(4)]
        assert pool.pids == []
    blobs.close()


async def test_processes_end_with_the_one_that_asks(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "picture").write_bytes(picture(1))
    program = """
import asyncio, sys
from service.intake_pool import IntakePool
from store.blobs import BlobStore
from vision.decoding import ImageLimits

async def main():
    content = open(sys.argv[2], "rb").read()
    pool = IntakePool(BlobStore(sys.argv[1]), ImageLimits(), 2)
    await asyncio.gather(*(pool.take(content) for _ in range(3)))
    while len(pool.pids) < 2:
        await asyncio.sleep(0.02)
    print(*pool.pids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    root = Path(__file__).parents[2]
    asking = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "blobs"), str(tmp_path / "picture")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert asking.stdout is not None
    pids = [int(pid) for pid in asking.stdout.readline().split()]
    assert all(map(is_alive, pids))
    asking.kill()
    asking.communicate()
    await until(lambda: not any(map(is_alive, pids)))
